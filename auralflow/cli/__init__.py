"""The command line: a file for each sub-command, with its arguments and the text that it prints."""
