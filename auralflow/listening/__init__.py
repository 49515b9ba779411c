"""Listening tests after ITU-R BS.1534-3 (MUSHRA): one page for listeners, and the ranks that their ratings make."""
