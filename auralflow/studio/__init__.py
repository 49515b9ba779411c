"""Separation as a service: a queue of songs, a process that keeps a model loaded, and an HTTP interface."""
