import os
import shutil
import subprocess
import time

import numpy as np
import pytest
from signals import cut

from auralflow_core.audio import ffmpeg, probe, read, read_blocks
from auralflow_core.errors import InputError

needs_ffmpeg = pytest.mark.skipif(not ffmpeg.is_installed(), reason="ffmpeg and ffprobe are not on the PATH")


def convert(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def third_party(files, tmp_path_factory):
    """Files that libsndfile does not read: an exact codec, a lossy one, and a mixture with stems."""
    folder = tmp_path_factory.mktemp("third_party")
    convert("-i", files / "stereo.wav", "-c:a", "alac", folder / "alac.m4a")
    convert("-i", files / "stereo.wav", "-c:a", "aac", folder / "aac.m4a")
    convert(
        "-i",
        files / "stereo.wav",
        "-i",
        files / "stereo.flac",
        "-map",
        "0",
        "-map",
        "1",
        "-c:a",
        "alac",
        folder / "song.stem.mp4",
    )
    return folder


@needs_ffmpeg
def test_ffmpeg_reads_what_libsndfile_does_not(files, third_party):
    whole = read(files / "stereo.wav")[0]
    assert probe(third_party / "alac.m4a") == (44100, 2, whole.shape[1])
    np.testing.assert_array_equal(read(third_party / "alac.m4a")[0], whole)
    np.testing.assert_array_equal(read(third_party / "alac.m4a", 100_000, 5000)[0], whole[:, 100_000:105_000])
    blocks = list(read_blocks(third_party / "alac.m4a", 1000, 200_000))
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole[:, 1000:201_000])
    lossy, rate = read(third_party / "aac.m4a")
    assert lossy.shape == (2, probe(third_party / "aac.m4a").samples) and rate == 44100


@needs_ffmpeg
def test_a_stem_file_holds_several_streams(files, third_party):
    path = third_party / "song.stem.mp4"
    np.testing.assert_array_equal(read(path)[0], read(files / "stereo.wav")[0])
    np.testing.assert_allclose(read(path, stream=1)[0], read(files / "stereo.flac")[0], rtol=0, atol=2.0**-15)
    with pytest.raises(InputError, match="song.stem.mp4: holds 2 streams of audio, numbered from 0; got number 2"):
        probe(path, stream=2)
    with pytest.raises(InputError, match="stereo.wav: holds one stream of audio, number 0; got number 1"):
        probe(files / "stereo.wav", stream=1)


@needs_ffmpeg
def test_damage_that_ffmpeg_passes_over_is_found(files, third_party, tmp_path):
    # The index comes first: what is left still opens.
    convert("-i", third_party / "aac.m4a", "-c", "copy", "-movflags", "faststart", tmp_path / "whole.m4a")
    with pytest.raises(InputError, match="cut.m4a: damaged, it cannot be decoded to its end .ffmpeg: "):
        probe(cut(tmp_path / "cut.m4a", tmp_path / "whole.m4a", 0.7))
    with pytest.raises(InputError, match="cut.mp4: no audio file that can be read .ffmpeg: "):
        probe(cut(tmp_path / "cut.mp4", third_party / "alac.m4a", 0.7))


@needs_ffmpeg
def test_messages_of_ffmpeg_have_no_addresses(files, tmp_path):
    path, data = tmp_path / "flipped.flac", bytearray((files / "stereo.flac").read_bytes())
    data[-2] ^= 16  # of the last frame's checksum
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"flipped.flac: damaged, .* end \(ffmpeg: [^@]+\)$"):
        probe(path)


@needs_ffmpeg
def test_without_ffmpeg_its_files_are_refused(third_party, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for function in (probe, read, lambda path: list(read_blocks(path))):
        with pytest.raises(InputError, match="alac.m4a: no audio file that can be read .*ffmpeg and ffprobe on the"):
            function(third_party / "alac.m4a")


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{other}\n#EXT-X-ENDLIST\n",
    "hls without end": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n",
    "hls of an address": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{other}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-'
    'demand:2011" type="static" mediaPresentationDuration="PT6S"><Period><AdaptationSet mimeType="audio/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{other}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "m3u": "{other}\n",
    "metadata": ";FFMETADATA1\ntitle=a\n",
    "a protocol": "concat:{other}|{other}",
}


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["m4a", "wav", "m3u8"])
@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_is_no_audio(files, tmp_path, name, suffix):
    for other in (files / "stereo.wav", "stereo.wav"):
        (tmp_path / "stereo.wav").write_bytes((files / "stereo.wav").read_bytes())
        path = tmp_path / f"song.{suffix}"
        path.write_text(PLAYLISTS[name].format(other=other))
        for tolerate_damage in (False, True):
            with pytest.raises(InputError, match=r"song.*no audio file that can be read"):
                probe(path, tolerate_damage=tolerate_damage)


@needs_ffmpeg
def test_names_are_no_protocols(files, tmp_path, monkeypatch, third_party):
    monkeypatch.chdir(tmp_path)
    for name in (
        "concat:a.m4a",
        "-i.m4a",
        "http:a.m4a",
        "a|b.m4a",
        "%03d.m4a",
        "pipe:0",
        "subfile,,start,0,end,9,,:a.m4a",
    ):
        (tmp_path / name).write_bytes((third_party / "alac.m4a").read_bytes())
        assert probe(name).samples == 264600
        assert read(name, 0, 10)[0].shape == (2, 10)


@pytest.mark.parametrize("silent", ["ffprobe", "ffmpeg"])
def test_a_process_from_which_nothing_comes_is_stopped(tmp_path, monkeypatch, silent):
    """Programs in place of ffmpeg: one answers, the other never does."""
    answer = '{"streams": [{"sample_rate": "8000", "channels": 1}], "format": {}}'
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{'exec sleep 600' if name == silent else f'''echo '{answer}' '''}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(ffmpeg, "PATIENCE", 0.5)
    (tmp_path / "a.m4a").write_text("nothing")
    begin = time.monotonic()
    with pytest.raises(InputError, match="a.m4a: damaged, nothing came from ffmpeg for 0.5 s"):
        probe(tmp_path / "a.m4a")
    assert time.monotonic() - begin < 20
