"""Separation with a trained model: of arrays, of streams of audio, and of files into files of stems."""
