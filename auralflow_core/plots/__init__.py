"""Figures of signals and of training runs; they need matplotlib."""
