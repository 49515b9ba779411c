"""Inspecting a dataset: every file is decoded once in full, and what is found is remembered."""
