import numpy as np
import pytest
import soundfile
from stem_files import RATE, integers, names, write

from auralflow.separation.inputs import find_inputs
from auralflow.separation.quantization import quantize_stems
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError
from auralflow_core.separation.options import SeparationOptions


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [RATE, 22050])
def test_stems_have_the_sources_rate_channels_and_length(tmp_path, run, channels, rate):
    path = write(tmp_path / "a.wav", channels, samples=RATE + 1, rate=rate)
    seen = []
    result = run(path, directory=tmp_path / "out", progress=lambda *told: seen.append(told))
    assert result.seconds > 0 and result.audio == (RATE + 1) / rate
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
    result = run(
        path, directory=tmp_path / "out", start=0.125, duration=0.5, encoding=Encoding(container, bits), residual=True
    )
    assert result.notes == []
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
    result = run(loud(tmp_path / "a.wav"), directory=tmp_path / "out", encoding=Encoding("wav", 16), residual=True)
    assert [line.split(" at ")[0] for line in result.notes] == [
        f"{tmp_path}/out/a/bass.wav: 3 of 1000 samples clipped",
        f"{tmp_path}/a.wav (the mixture): 3 of 1000 samples clipped",
    ]
    result = run(tmp_path / "a.wav", directory=tmp_path / "float", encoding=Encoding(clip="clamp"), residual=True)
    assert len(result.notes) == 2
    assert soundfile.read(tmp_path / "float/a/bass.wav")[0].max() == 1


def test_without_a_choice_32_bits_keep_what_lies_beyond_full_scale(tmp_path, run):
    assert run(loud(tmp_path / "a.wav"), directory=tmp_path / "out", residual=True).notes == []
    assert soundfile.read(tmp_path / "out/a/bass.wav")[0].max() == pytest.approx(1.5 * 0.7531, rel=1e-7)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_rescaled_stems_add_up_to_a_softer_mixture(tmp_path, run, bits):
    noise = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, RATE, subtype="FLOAT")
    result = run(
        tmp_path / "a.wav",
        directory=tmp_path / "out",
        encoding=Encoding("wav", bits, clip="rescale"),
        residual=True,
        factors={"bass": 0.5, "vocals": -0.5},
    )
    [line] = result.notes
    decibels = float(line.split("softer by ")[1].split(" dB")[0])
    stems = [
        soundfile.read(tmp_path / f"out/a/{name}.wav", dtype="float64")[0] for name in ("bass", "vocals", "residual")
    ]
    step = 2.0 ** (1 - bits) if bits < 32 else 2.0**-24
    gain = sum(stems).ravel() @ noise.ravel() / np.sum(noise.astype(np.float64) ** 2)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(sum(stems), gain * noise, rtol=0, atol=0.51 * step + 2.0**-24)
    assert -20 * np.log10(gain) == pytest.approx(decibels, abs=0.006)
    assert max(np.abs(stem).max() for stem in stems) == pytest.approx(1, abs=4 * step)
    # Nothing loud, nothing rescaled.
    quiet = write(tmp_path / "b.wav")
    assert run(quiet, directory=tmp_path / "out", encoding=Encoding("wav", bits, clip="rescale")).notes == []


def test_a_residual_beyond_full_scale_is_clipped():
    mixture = np.full((1, 4), 0.75, np.float32)
    (_, first), (audio, count) = quantize_stems(mixture, -mixture[None], Encoding("wav", 16), True)
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
