"""How much audio files hold, by all ways to read them, and by ffmpeg."""

import subprocess

import pytest

from auralflow_core.audio import ffmpeg, find_damage, probe, read, read_blocks

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")


def run_ffmpeg(*arguments):
    command = ["ffmpeg", "-v", "quiet", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def length(path):
    """The number of samples, which all ways to read agree on."""
    info = probe(path)
    assert read(path)[0].shape == (info.channels, info.samples)
    assert sum(block.shape[1] for block in read_blocks(path)) == info.samples
    assert find_damage(path) == ""
    return info.samples
