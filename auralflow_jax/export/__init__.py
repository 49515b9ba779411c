"""Models as programs for other runtimes: audio in, stems out, without Python."""
