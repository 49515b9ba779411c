"""Damaged input of every kind, and what the program makes of it: `python benchmarks/robustness`."""
