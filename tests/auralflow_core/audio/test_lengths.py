"""The length of every container of audio is that of its audio, or the file is refused."""

import struct

import pytest
import soundfile
from lengths import length, needs_ffmpeg, run_ffmpeg
from signals import cut, sweep

from auralflow_core.audio import DamagedAudio, probe

RATE, SAMPLES = 8000, 16000


@pytest.mark.parametrize(
    "suffix, subtype",
    [("au", "PCM_16"), ("w64", "PCM_24"), ("caf", "FLOAT"), ("aiff", "PCM_16"), ("rf64", "PCM_16"), ("wav", "ULAW")],
)
def test_truncated_containers(tmp_path, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sweep(RATE, 2, 2.0), RATE, subtype=subtype)
    assert length(path) == SAMPLES
    for share in (0.6, 0.999):
        with pytest.raises(DamagedAudio, match="truncated, its header promises"):
            probe(cut(tmp_path / f"cut.{suffix}", path, share))


@needs_ffmpeg
def test_an_au_that_counts_too_little(tmp_path, without_ffmpeg):
    path = tmp_path / "a.au"
    soundfile.write(path, sweep(RATE, 2, 2.0), RATE, subtype="PCM_16")
    data = path.read_bytes()
    path.write_bytes(data[:8] + struct.pack(">I", 4 * RATE) + data[12:])
    assert length(path) == SAMPLES
    without_ffmpeg()
    with pytest.raises(DamagedAudio, match="32000 more follow"):
        probe(path)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("voc", "pcm_s16le"),
        ("avi", "mp3"),
        ("flv", "mp3"),
        ("mpg", "mp2"),
        *(pytest.param(*rare, marks=pytest.mark.slow) for rare in (("avi", "pcm_s16le"), ("adx", "adpcm_adx"))),
        *(pytest.param(*rare, marks=pytest.mark.slow) for rare in (("asf", "wmav2"), ("thd", "truehd"))),
        ("apm", "adpcm_ima_apm"),
        *(pytest.param(*rare, marks=pytest.mark.slow) for rare in (("rm", "ac3"), ("mmf", "adpcm_yamaha"))),
    ],
)
def test_truncated_containers_that_ffmpeg_reads_without_a_word(files, tmp_path, suffix, codec):
    path = tmp_path / f"a.{suffix}"
    run_ffmpeg("-i", files / "stereo.wav", "-t", 2, "-c:a", codec, "-strict", "experimental", path)
    assert length(path) == len(run_ffmpeg("-i", path, "-f", "s16le", "-")) // 4
    for share in (0.3, 0.8):
        with pytest.raises(DamagedAudio, match="truncated, it"):
            probe(cut(tmp_path / f"cut{share}.{suffix}", path, share))


@pytest.mark.parametrize("suffix", ["au", "w64", "aiff", "caf", "flac", "wav", "ogg", "mp3"])
def test_files_that_were_written_to_a_pipe(files, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(run_ffmpeg("-i", files / "stereo.wav", "-f", suffix, "-bitexact", "-"))
    if suffix == "mp3":  # whole frames of 1152 samples, which nothing tells to trim
        assert length(path) % 1152 == 0 and 264600 <= length(path) <= 264600 + 3 * 1152
    else:
        assert length(path) == 264600


@needs_ffmpeg
@pytest.mark.parametrize(
    "name, options",
    {
        "mp3.wav": ("-c:a", "libmp3lame"),
        "adpcm.wav": ("-c:a", "adpcm_ms"),
        "ac3.wav": ("-c:a", "ac3"),
        "flac.oga": ("-c:a", "flac"),
        "a.mp2": (),
        "a.voc": (),
        "a.wv": (),
        "a.tta": (),
        "alac.caf": ("-c:a", "alac"),
        "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000"),
        "a.webm": ("-c:a", "libopus"),
        "a.ac3": (),
        "a.wma": (),
        "a.ts": (),
    }.items(),
)
def test_all_that_ffmpeg_plays_is_read_and_what_is_cut_is_refused(files, tmp_path, name, options):
    path = tmp_path / name
    run_ffmpeg("-i", files / "stereo.wav", "-t", 2, *options, path)
    info = probe(path)
    assert length(path) == len(run_ffmpeg("-i", path, "-f", "s16le", "-")) // 2 // info.channels
    for share in (0.6, 0.97):
        with pytest.raises(DamagedAudio, match="truncated|damaged"):
            probe(cut(tmp_path / f"cut.{path.suffix}", path, share))


@needs_ffmpeg
def test_a_container_that_promises_more_than_it_holds(files, tmp_path):
    """The file ends between two clusters, so that ffmpeg has no complaint."""
    run_ffmpeg("-i", files / "stereo.wav", "-c:a", "pcm_s16le", "-cluster_time_limit", 500, tmp_path / "a.mka")
    data = (tmp_path / "a.mka").read_bytes()
    last = data.rindex(bytes.fromhex("1f43b675"))  # the identifier of a cluster
    assert length(tmp_path / "a.mka") == 264600
    (tmp_path / "cut.mka").write_bytes(data[:last])
    with pytest.raises(DamagedAudio, match="truncated, its header promises 6.00 s, .* s can be decoded|damaged"):
        probe(tmp_path / "cut.mka")


@needs_ffmpeg
@pytest.mark.parametrize(
    "name",
    ["a.rso", "a.svx", *(pytest.param(f"a.{rare}", marks=pytest.mark.slow) for rare in ("ast", "sox", "nist", "avr"))],
)
def test_headers_that_count_samples_of_which_decoders_take_no_notice(files, tmp_path, name):
    path = tmp_path / name
    if path.suffix in (".nist", ".avr", ".svx"):
        soundfile.write(path, sweep(RATE, 1, 2.0), RATE, subtype="PCM_16", format=path.suffix[1:].upper())
    else:
        run_ffmpeg("-i", files / "stereo.wav", "-ac", 1, "-ar", RATE, "-t", 2, path)
    assert length(path) == SAMPLES
    data = path.read_bytes()
    for share in (0.3, 0.999):
        # An even number of bytes, so that no sample is cut, which would be a complaint of ffmpeg's.
        path.write_bytes(data[: int(len(data) * share) // 4 * 4])
        with pytest.raises(DamagedAudio, match="truncated, its header promises"):
            probe(path)
