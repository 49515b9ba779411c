"""Separation of arrays and of streams of audio with a trained model."""
