"""The commands as functions: files in, files and results out; nothing is printed except progress on a terminal."""
