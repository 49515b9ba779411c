"""Any audio that goes in comes out with the same number of samples, or a sentence says why not."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError
from auralflow_core.separation.options import SeparationOptions

WRITTEN = {"wav": {"subtype": "PCM_24"}, "flac": {"subtype": "PCM_16"}, "ogg": {}, "mp3": {}, "aiff": {}}
RATES = st.one_of(st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000]), st.integers(4000, 210_000))
ENCODINGS = st.one_of(
    st.builds(Encoding, st.just("wav"), st.sampled_from([16, 24]), clip=st.sampled_from(["clamp", "rescale"])),
    st.builds(Encoding, st.sampled_from(["wav", "flac", "ogg", "mp3"])),
)


@settings(deadline=None, max_examples=500, derandomize=True)
@given(
    data=st.data(),
    rate=RATES,
    channels=st.sampled_from([1, 2, 2, 3, 9]),
    samples=st.integers(1, 4000),
    container=st.sampled_from(sorted(WRITTEN)),
    encoding=ENCODINGS,
    residual=st.booleans(),
    consistency=st.booleans(),
    overlap=st.floats(0, 0.5),
    shifts=st.integers(1, 3),
)
def test_the_exact_length_comes_back_or_a_clear_error(
    data, copies, rate, channels, samples, container, encoding, residual, consistency, overlap, shifts
):
    with tempfile.TemporaryDirectory() as folder:
        separated(
            Path(folder),
            data,
            copies(8000),
            rate,
            channels,
            samples,
            container,
            encoding,
            residual,
            SeparationOptions(overlap, shifts=shifts, consistency=consistency),
        )


def separated(folder, data, separator, rate, channels, samples, container, encoding, residual, options):
    path = folder / f"song.{container}"
    audio = np.random.default_rng(samples).uniform(-1.1, 1.1, (samples, channels))
    assume(container != "ogg" or rate <= 200_000)  # libsndfile crashes
    try:
        soundfile.write(path, audio, rate, **WRITTEN[container])
    except soundfile.LibsndfileError:
        assume(False)  # there is no such file
    start = data.draw(st.one_of(st.just(0.0), st.floats(0, 1.2 * samples / rate)), "start")
    duration = data.draw(st.one_of(st.none(), st.floats(1e-6, 1.5 * samples / rate)), "duration")
    # By the definition of start and duration: the nearest samples, at least one, at most what is there.
    first = round(start * rate)
    expected = samples - first if duration is None else min(max(1, round(duration * rate)), samples - first)
    try:
        sources, problems = find_inputs([path], start, duration)
    except InputError as error:
        assert first >= samples and "long" in str(error)  # noqa: PT017
        return
    assert first < samples and problems == []
    report = separate_files(
        sources, separator, StemOutput(folder / "out", encoding=encoding, residual=residual), options
    )
    written = sorted(path.name for path in folder.glob("out/**/*") if path.is_file())
    if report.failures:
        [line] = report.failures
        assert str(folder / "out/song") in line
        assert any(words in line for words in ("holds at most", "has no sample rate", "cannot be written as flac"))
        assert encoding.format != "wav" and written == []
        return
    assert written == sorted(f"{name}.{encoding.format}" for name in ("bass", "vocals", *["residual"] * residual))
    for name in written:
        info = soundfile.info(folder / "out/song" / name)
        assert (info.frames, info.channels, info.samplerate) == (expected, channels, rate)
    if residual and encoding.bits in (16, 24) and not any(": " in note for note in report.notes):
        mixture = soundfile.read(path, dtype="float64", always_2d=True)[0][first : first + expected]
        if container == "ogg" and channels == 3:  # left, center, right there (Vorbis I, 4.3.9)
            mixture = mixture[:, [0, 2, 1]]
        total = sum(soundfile.read(folder / "out/song" / name, dtype="float64", always_2d=True)[0] for name in written)
        np.testing.assert_allclose(total, mixture, rtol=0, atol=2.0**-encoding.bits + 2.0**-24)
