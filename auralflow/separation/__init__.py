"""Separation of files into files of stems."""
