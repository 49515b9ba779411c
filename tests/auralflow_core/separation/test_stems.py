import numpy as np
import pytest
import soundfile

from auralflow_core.audio import encode as formats
from auralflow_core.audio.encode import Encoding
from auralflow_core.data.inputs import find_inputs
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import SeparationOptions
from auralflow_core.separation.stems import StemOutput, quantized, separate_files

RATE = 8000


def write(path, channels=1, samples=RATE, rate=RATE, seed=0, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, channels))
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


@pytest.fixture
def run(copies):
    """Separates paths by `copies`, without a failure unless one is expected."""

    def run(
        *paths, directory, start=0, duration=None, options=None, factors=None, progress=None, fails=False, **output
    ):
        sources, _ = find_inputs(paths, start, duration)
        report = separate_files(
            sources,
            copies(RATE, factors),
            StemOutput(directory, **output),
            options,
            *[progress] * (progress is not None),
        )
        assert bool(report.failures) == fails, report.failures
        return report

    return run


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def integers(path, bits):
    # libsndfile gives integers of any size in the upper bits of an int32.
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) >> (32 - bits)


def test_never_writes_over_what_it_reads(tmp_path, run):
    path = write(tmp_path / "music/song/mixture.wav")
    truth = write(tmp_path / "music/song/vocals.wav").read_bytes()
    for source, directory, filename in (
        (path.parent, "music", "{track}/{stem}.{ext}"),
        (path.parent / "vocals.wav", "music/song", "{stem}.{ext}"),
    ):
        [line] = run(source, directory=tmp_path / directory, filename=filename, overwrite=True, fails=True).failures
        assert "written over the files that they are made from; save to another folder than" in line
    assert (path.parent / "vocals.wav").read_bytes() == truth
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [RATE, 22050])
def test_stems_have_the_sources_rate_channels_and_length(tmp_path, run, channels, rate):
    path = write(tmp_path / "a.wav", channels, samples=RATE + 1, rate=rate)
    seen = []
    report = run(path, directory=tmp_path / "out", progress=lambda *told: seen.append(told))
    assert report.seconds > 0 and report.audio == (RATE + 1) / rate
    assert [name for name, _ in seen] == ["a"] * len(seen) and seen[-1][1] == (RATE + 1) / rate
    assert names(tmp_path / "out") == ["a/bass.wav", "a/vocals.wav"]
    mixture = soundfile.read(path, dtype="float32")[0]
    for name, factor in (("bass", 0.7531), ("vocals", -1 / 3)):
        file = tmp_path / f"out/a/{name}.wav"
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (rate, channels, RATE + 1, "FLOAT")
        if rate == RATE:
            np.testing.assert_array_equal(soundfile.read(file, dtype="float32")[0], mixture * np.float32(factor))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("container", ["wav", "flac"])
def test_integer_stems_and_residual_add_up_exactly(tmp_path, run, bits, subtype, container):
    path = write(tmp_path / "a.wav", 2, subtype=subtype)
    report = run(
        path, directory=tmp_path / "out", start=0.125, duration=0.5, encoding=Encoding(container, bits), residual=True
    )
    assert report.notes == []
    files = [integers(tmp_path / f"out/a/{name}.{container}", bits) for name in ("bass", "vocals", "residual")]
    mixture = np.rint(soundfile.read(path, dtype="float64")[0][1000:5000] * 2 ** (bits - 1))
    np.testing.assert_array_equal(sum(files), mixture)
    assert soundfile.info(tmp_path / f"out/a/residual.{container}").subtype == f"PCM_{bits}"


@pytest.mark.parametrize("bits", [16, 24])
def test_consistent_integer_stems_add_up_exactly_without_a_residual(tmp_path, run, bits):
    path = write(tmp_path / "a.wav", 2, subtype="PCM_24")
    run(path, directory=tmp_path / "out", encoding=Encoding("wav", bits), options=SeparationOptions(consistency=True))
    files = [integers(tmp_path / f"out/a/{name}.wav", bits) for name in ("bass", "vocals")]
    np.testing.assert_array_equal(sum(files), np.rint(soundfile.read(path, dtype="float64")[0] * 2 ** (bits - 1)))


FOUR = {"bass": 0.5, "drums": -0.25, "other": 0.125, "vocals": 0.75}


@pytest.mark.parametrize(
    ("targets", "factors"),
    [(("vocals",), (0.75,)), (("vocals", "drums"), (0.75, -0.25)), (("vocals", "accompaniment"), (0.75, 0.375))],
)
def test_targets_are_chosen_and_summed(tmp_path, run, targets, factors):
    path = write(tmp_path / "a.wav", 2)
    run(path, directory=tmp_path / "out", factors=FOUR, targets=targets, residual=True)
    assert names(tmp_path / "out") == sorted(f"a/{name}.wav" for name in (*targets, "residual"))
    mixture = soundfile.read(path)[0]
    for name, factor in zip((*targets, "residual"), (*factors, 1 - sum(factors)), strict=True):
        # Factors and samples of 16 bits: float32 holds their products, and the sums of these.
        np.testing.assert_array_equal(soundfile.read(tmp_path / f"out/a/{name}.wav")[0], factor * mixture)


@pytest.mark.parametrize("targets", [("vocals", "accompaniment"), ("vocals", "drums")])
def test_chosen_targets_are_consistent_if_they_are_all_there_is(tmp_path, run, targets):
    path = write(tmp_path / "a.wav", 2, subtype="PCM_24")
    run(
        path,
        directory=tmp_path / "out",
        factors=FOUR,
        targets=targets,
        encoding=Encoding("wav", 16),
        options=SeparationOptions(consistency=True),
    )
    files = [integers(tmp_path / f"out/a/{name}.wav", 16) for name in targets]
    mixture = soundfile.read(path)[0] * 2**15
    if "accompaniment" in targets:
        np.testing.assert_array_equal(sum(files), np.rint(mixture))
    else:  # the four add up to 1.125 times the mixture; each takes a quarter of what is too much
        for file, factor in zip(files, (0.75, -0.25), strict=True):
            np.testing.assert_allclose(file, (factor - 0.125 / 4) * mixture, rtol=0, atol=0.51)


@pytest.mark.parametrize(
    ("targets", "factors", "words"),
    [
        (("voice",), FOUR, "unknown target 'voice'; did you mean 'vocals'. known: accompaniment, "),
        (("bass", "bass"), FOUR, "targets: 'bass' is named twice"),
        (
            ("accompaniment",),
            {"bass": 1, "vocals": 1},
            "'accompaniment' is more than this model separates, which is bass",
        ),
        (("accompaniment",), {"vocals": 1}, "more than this model separates, which is vocals;"),
    ],
)
def test_targets_that_a_model_has_not_are_refused(tmp_path, run, targets, factors, words):
    with pytest.raises(InputError, match=words):
        run(write(tmp_path / "a.wav"), directory=tmp_path / "out", factors=factors, targets=targets)
    assert not (tmp_path / "out").exists()


def test_float_stems_and_residual_add_up_to_half_a_bit(tmp_path, run):
    path = write(tmp_path / "a.wav", 2, subtype="PCM_24")
    run(path, directory=tmp_path / "out", residual=True)
    bass, vocals, residual = (
        soundfile.read(tmp_path / f"out/a/{name}.wav", dtype="float64")[0] for name in ("bass", "vocals", "residual")
    )
    mixture = soundfile.read(path, dtype="float64")[0]
    assert (np.abs(bass + vocals + residual - mixture) <= 2.0**-24 * np.abs(residual)).all()
    # Rounded to the 24 bits that it had, it is the mixture itself.
    np.testing.assert_array_equal(np.rint((bass + vocals + residual) * 2**23), mixture * 2**23)


def loud(path):
    audio = np.zeros((1000, 1), np.float32)
    audio[:3] = 1.5
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    return path


def test_clamping_is_reported(tmp_path, run):
    report = run(loud(tmp_path / "a.wav"), directory=tmp_path / "out", encoding=Encoding("wav", 16), residual=True)
    assert [line.split(" at ")[0] for line in report.notes] == [
        f"{tmp_path}/out/a/bass.wav: 3 of 1000 samples clipped",
        f"{tmp_path}/a.wav (the mixture): 3 of 1000 samples clipped",
    ]
    report = run(tmp_path / "a.wav", directory=tmp_path / "float", encoding=Encoding(clip="clamp"), residual=True)
    assert len(report.notes) == 2
    assert soundfile.read(tmp_path / "float/a/bass.wav")[0].max() == 1


def test_without_a_choice_32_bits_keep_what_lies_beyond_full_scale(tmp_path, run):
    assert run(loud(tmp_path / "a.wav"), directory=tmp_path / "out", residual=True).notes == []
    assert soundfile.read(tmp_path / "out/a/bass.wav")[0].max() == pytest.approx(1.5 * 0.7531, rel=1e-7)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_rescaled_stems_add_up_to_a_softer_mixture(tmp_path, run, bits):
    noise = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, RATE, subtype="FLOAT")
    report = run(
        tmp_path / "a.wav",
        directory=tmp_path / "out",
        encoding=Encoding("wav", bits, clip="rescale"),
        residual=True,
        factors={"bass": 0.5, "vocals": -0.5},
    )
    [line] = report.notes
    decibels = float(line.split("softer by ")[1].split(" dB")[0])
    stems = [
        soundfile.read(tmp_path / f"out/a/{name}.wav", dtype="float64")[0] for name in ("bass", "vocals", "residual")
    ]
    step = 2.0 ** (1 - bits) if bits < 32 else 2.0**-24
    gain = sum(stems).ravel() @ noise.ravel() / np.sum(noise.astype(np.float64) ** 2)
    np.testing.assert_allclose(sum(stems), gain * noise, rtol=0, atol=0.51 * step + 2.0**-24)
    assert -20 * np.log10(gain) == pytest.approx(decibels, abs=0.006)
    assert max(np.abs(stem).max() for stem in stems) == pytest.approx(1, abs=4 * step)
    # Nothing loud, nothing rescaled.
    quiet = write(tmp_path / "b.wav")
    assert run(quiet, directory=tmp_path / "out", encoding=Encoding("wav", bits, clip="rescale")).notes == []


def test_a_residual_beyond_full_scale_is_clipped():
    mixture = np.full((1, 4), 0.75, np.float32)
    (_, first), (audio, count) = quantized(mixture, -mixture[None], Encoding("wav", 16), True)
    assert (first, count) == (0, 4)
    np.testing.assert_array_equal(audio, 1 - 2.0**-15)


@pytest.mark.parametrize("encoding", [Encoding("flac", 16), Encoding("ogg"), Encoding("mp3", bitrate=64)])
def test_other_formats(tmp_path, run, encoding):
    time = np.arange(3 * 44100 + 7) / 44100
    tone = 0.5 * np.sin(2 * np.pi * np.outer(time, [440, 660]))
    soundfile.write(tmp_path / "a.wav", tone, 44100)
    source = find_inputs([tmp_path / "a.wav"])[0]
    from_disk = run(tmp_path / "a.wav", directory=tmp_path / "out", encoding=encoding, factors={"bass": 0.5})
    assert len(source) == 1 and from_disk.notes == []
    stem, rate = soundfile.read(tmp_path / f"out/a/bass.{encoding.format}")
    assert stem.shape == tone.shape and rate == 44100
    inner = slice(4000, -4000)  # the model hears 8 kHz, and the ends of a resampled signal ring
    assert np.sqrt(np.mean((stem - 0.5 * tone)[inner] ** 2)) < 0.01


def test_a_rate_or_channels_that_a_format_has_not_fail_alone(tmp_path, run):
    write(tmp_path / "good.wav", rate=44100)
    write(tmp_path / "high.wav", rate=96000)
    write(tmp_path / "many.wav", 3)
    report = run(
        *(tmp_path / f"{name}.wav" for name in ("high", "good", "many")),
        directory=tmp_path / "out",
        encoding=Encoding("mp3"),
        fails=True,
    )
    assert len(report.failures) == 2
    assert "high/bass.mp3: mp3 has no sample rate of 96000 Hz" in report.failures[0]
    assert "many/bass.mp3: mp3 holds at most 2 channels, not 3" in report.failures[1]
    assert names(tmp_path / "out") == ["good/bass.mp3", "good/vocals.mp3"]


def test_filenames(tmp_path, run):
    write(tmp_path / "a.wav"), write(tmp_path / "b.wav")
    both = (tmp_path / "a.wav", tmp_path / "b.wav")
    run(*both, directory=tmp_path / "out", filename="{stem}/{track} ({stem}).{ext}")
    assert names(tmp_path / "out") == [
        "bass/a (bass).wav",
        "bass/b (bass).wav",
        "vocals/a (vocals).wav",
        "vocals/b (vocals).wav",
    ]
    with pytest.raises(InputError, match="several stems of .*a.wav one name; expected one with {stem}"):
        run(both[0], directory=tmp_path / "new", filename="{track}.{ext}")
    for template, words in (
        ("{trak}.{ext}", "unknown field {trak}; did you mean 'track'"),
        ("{stem", "no template"),
        ("{stem}.wav", "ends in .{ext}"),
        ("../{stem}.{ext}", "relative path"),
        ("/{stem}.{ext}", "relative path"),
        ("{stem!r}.{ext}", "unknown field"),
    ):
        with pytest.raises(InputError, match=words):
            StemOutput(tmp_path, template)
    assert not (tmp_path / "new").exists()


def test_songs_of_one_name_do_not_replace_each_other(tmp_path, run):
    first, second, third = (
        write(tmp_path / name, samples=samples)
        for name, samples in (("one/a.wav", 100), ("two/A.wav", 200), ("b.wav", 300))
    )
    report = run(first, second, third, directory=tmp_path / "out", fails=True)
    [line] = report.failures
    assert line.startswith(f"{second}: not separated, its stems would be written over those of {first}; ")
    assert report.separated == 2 and names(tmp_path / "out") == [
        "a/bass.wav",
        "a/vocals.wav",
        "b/bass.wav",
        "b/vocals.wav",
    ]
    assert soundfile.info(tmp_path / "out/a/bass.wav").frames == 100
    run(first, second, third, directory=tmp_path / "new", filename="{folder}/{track}-{stem}.{ext}")
    assert {name for name in names(tmp_path / "new") if "bass" in name} == {
        f"{tmp_path.name}/b-bass.wav",
        "one/a-bass.wav",
        "two/A-bass.wav",
    }


def test_results_are_replaced_when_asked_and_leave_no_old_residual(tmp_path, run):
    path = write(tmp_path / "a.wav")
    run(path, directory=tmp_path / "out", residual=True)
    first = (tmp_path / "out/a/bass.wav").read_bytes()
    report = run(path, directory=tmp_path / "out", factors={"bass": 0.1}, fails=True)
    assert "a.wav: not separated, " in report.failures[0] and "--overwrite" in report.failures[0]
    assert (tmp_path / "out/a/bass.wav").read_bytes() == first
    # Of other targets, too: the old residual would belong to none of them.
    report = run(path, directory=tmp_path / "out", factors={"drums": 0.1}, fails=True)
    assert "residual.wav is there already" in report.failures[0]
    run(path, directory=tmp_path / "out", factors={"bass": 0.1}, overwrite=True)
    assert (tmp_path / "out/a/bass.wav").read_bytes() != first
    assert names(tmp_path / "out") == ["a/bass.wav", "a/vocals.wav"]


def test_a_target_named_residual_has_its_file_to_itself(tmp_path, run):
    path = write(tmp_path / "a.wav")
    with pytest.raises(InputError, match="target 'residual'"):
        run(path, directory=tmp_path / "out", factors={"bass": 1, "residual": 0.5}, residual=True)
    run(path, directory=tmp_path / "out", factors={"bass": 1, "residual": 0.5})
    assert names(tmp_path / "out") == ["a/bass.wav", "a/residual.wav"]


def test_one_bad_file_does_not_stop_the_rest(tmp_path, run):
    write(tmp_path / "a.wav"), write(tmp_path / "c.wav")
    audio = np.full(300_000, 0.1)
    audio[250_000] = np.nan  # found when the place is reached
    soundfile.write(tmp_path / "b.wav", audio, RATE, subtype="FLOAT")
    report = run(*(tmp_path / f"{name}.wav" for name in "abc"), directory=tmp_path / "out", fails=True)
    [line] = report.failures
    assert "b.wav: holds NaN or infinite values" in line and report.audio == 2
    assert names(tmp_path / "out") == ["a/bass.wav", "a/vocals.wav", "c/bass.wav", "c/vocals.wav"]


def test_an_error_of_the_model_leaves_nothing(tmp_path, copies):
    separator, path = copies(), write(tmp_path / "a.wav", samples=5 * RATE)
    calls = iter(range(100))

    def estimate(mixture):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return np.stack([mixture, mixture], axis=1)

    separator.estimate = estimate
    with pytest.raises(KeyboardInterrupt):
        separate_files(find_inputs([path])[0], separator, StemOutput(tmp_path / "out"))
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("container", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("clip", ["clamp", "rescale"])
def test_a_full_disk_leaves_nothing(tmp_path, copies, container, clip):
    resource = pytest.importorskip("resource")  # not on Windows
    path = write(tmp_path / "a.wav", samples=30 * RATE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    small, late = (write(tmp_path / f"{name}.wav", samples=100) for name in ("small", "late"))
    sources = find_inputs([small, path, late])[0]
    output = StemOutput(tmp_path / "out", encoding=Encoding(container, clip=clip))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        report = separate_files(sources, copies(), output)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    # What is done stays, and the rest is not computed for a disk that has no room for it.
    assert names(tmp_path / "out") == [f"small/bass.{container}", f"small/vocals.{container}"]
    assert report.separated == 1 and report.failures[1:] == [f"{late}: not tried"]
    assert report.failures[0].startswith(f"{path}: ") and any(
        words in report.failures[0] for words in ("the disk may be full", "File too large")
    )


def test_long_files_become_rf64(tmp_path, run, monkeypatch):
    monkeypatch.setattr(formats, "WAV_BYTES", 1000)
    run(write(tmp_path / "a.wav"), directory=tmp_path / "out")
    assert soundfile.info(tmp_path / "out/a/bass.wav").format == "RF64"


def test_options_quality_reach_the_model(tmp_path, run):
    # Copies know no segments: whatever the overlap and the shifts, the stems are the same.
    path = write(tmp_path / "a.wav")
    for number, options in enumerate(
        (SeparationOptions(), SeparationOptions(overlap=0.5, batch_size=1), SeparationOptions(shifts=3, wiener=1))
    ):
        run(path, directory=tmp_path / str(number), options=options)
        stem, first = (soundfile.read(tmp_path / folder / "a/bass.wav")[0] for folder in (str(number), "0"))
        np.testing.assert_allclose(stem, first, rtol=0, atol=1e-7)
    with pytest.raises(InputError, match="model's only one"):
        run(path, directory=tmp_path / "one", factors={"bass": 1}, options=SeparationOptions(consistency=True))
