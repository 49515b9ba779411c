import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auralflow.cli.main import main
from auralflow_core.config import template
from auralflow_core.model_folder import ModelFolder


def test_separate_writes_stems(run, trained):
    [track] = (trained.songs / "test").iterdir()
    soundfile.write("mono.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 22050), 22050)
    output = run("separate", trained.model.path, track, "mono.flac", "--residual", "--bits", 16, "--duration", 0.75)
    assert "Separated 1.5 s of audio in" in output and "x real time) with model, jax on cpu.\n" in output
    assert output.endswith(
        f"The stems are in separated/model:\n  {track.name}: vocals.wav, residual.wav\n"
        "  mono: vocals.wav, residual.wav\n"
    )
    files = sorted(Path("separated").rglob("*.wav"))
    assert [str(file) for file in files] == [
        f"separated/model/{name}/{stem}.wav" for name in ("mono", track.name) for stem in ("residual", "vocals")
    ]
    for file, rate, channels in zip(files, (22050, 22050, 8000, 8000), (1, 1, 2, 2), strict=True):
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (rate, channels, "PCM_16")
        assert info.frames == round(0.75 * rate)


def test_separate_is_what_the_library_does(run, trained):
    from auralflow_jax import load, separate

    [track] = (trained.songs / "test").iterdir()
    run("separate", trained.model.path, track / "mixture.wav", "--save", "out", "--overlap", 0.25)
    mixture, rate = soundfile.read(track / "mixture.wav", dtype="float32")
    expected = separate(load(trained.model.path), mixture.T, rate, overlap=0.25)[0]
    np.testing.assert_array_equal(soundfile.read("out/model/mixture/vocals.wav", dtype="float32")[0].T, expected)
    run(
        "separate",
        trained.model.path,
        track / "mixture.wav",
        "--save",
        "fine",
        "--shifts",
        2,
        "--wiener",
        "--filename",
        "{stem}.{ext}",
        "--format",
        "flac",
    )
    expected = separate(load(trained.model.path), mixture.T, rate, shifts=2, wiener=1)[0]
    written = soundfile.read("fine/vocals.flac", dtype="float32")[0].T
    np.testing.assert_allclose(written, expected, rtol=0, atol=2.0**-24)


@pytest.mark.parametrize("samples", [1, 80, 2 * 22050])
def test_separate_takes_short_files(run, trained, samples):
    soundfile.write("short.wav", np.full(samples, 0.1), 22050)
    run("separate", trained.model.path, "short.wav")
    assert soundfile.info("separated/model/short/vocals.wav").frames == samples


def test_separate_refuses_before_anything_is_written(run, trained):
    soundfile.write("good.wav", np.full(800, 0.1), 8000)
    Path("text.wav").write_text("no audio at all, but a sentence")
    Path("cut.wav").write_bytes(Path("good.wav").read_bytes()[:500])
    Path("empty").mkdir()
    ModelFolder("untrained").save_config(template("SpectrogramNetSimple"))
    model = trained.model.path
    for argv, words in (
        (("text.wav",), "text.wav: no audio file"),
        (("cut.wav",), "cut.wav: truncated"),
        (("none.wav",), "no such file"),
        (("empty",), "empty: holds no audio"),
        (("good.wav", "--start", 2), "only 0.100 s long"),
        (("good.wav", "--duration", -1), "duration is -1.0 s"),
        (("good.wav", "--bits", 8), "wav has no 8 bits; expected 16 or 24 or 32"),
        (("good.wav", "--bits", 16, "--clip", "none"), "expected 32 bits, clamp or rescale"),
        (("good.wav", "--format", "mp3", "--bits", 16), "mp3 has no 16 bits; expected a bitrate"),
        (("good.wav", "--format", "mp3", "--bitrate", 90), "no bitrate of 90 kbit/s"),
        (("good.wav", "--format", "aac"), "unknown format 'aac'"),
        (("good.wav", "--bitrate", 128), "wav takes no bitrate"),
        (("good.wav", "--filename", "{name}.{ext}"), "unknown field {name}"),
        (("good.wav", "--targets", "voice"), "unknown target 'voice'"),
        (("good.wav", "--shifts", 0), "shifts is 0, expected 1 or more"),
        (("good.wav", "--consistency"), "'vocals', the model's only one"),
        (("good.wav", "--residual", "--filename", "{track}.{ext}"), "expected one with {stem}"),
        (("good.wav", "--overlap", 0.9), "0 to 0.875"),
        (("good.wav", "--batch_size", 0), "batch_size is 0, expected 1 or more"),
        (("good.wav", "--residual_name", "vocals"), "'vocals' is a target, whose file the residual would replace"),
    ):
        assert words in run("separate", model, *argv, fails=True)
    assert "untrained: the model is not trained yet" in run("separate", "untrained", "good.wav", fails=True)
    assert "nowhere: no such file or folder" in run("separate", "nowhere", "good.wav", fails=True)
    assert not Path("separated").exists()


def test_separate_does_what_it_can(trained, capsys):
    for name in ("one", "two"):
        soundfile.write(f"{name}.wav", np.full(8000, 0.1), 8000)
    Path("text.wav").write_text("no audio at all, but a sentence")
    arguments = ["separate", str(trained.model.path), "one.wav", "text.wav", "two.wav", "none.wav"]
    assert main([*arguments[:2], "one.wav"]) == 0
    capsys.readouterr()
    assert main(arguments) == 1
    output, error = capsys.readouterr()
    assert output.startswith("Separated 1.0 s of audio in ")
    first, *lines = error.splitlines()
    assert first == "auralflow: 3 of 4 could not be separated:"
    for line, words in zip(
        lines, ("  text.wav: no audio", "  none.wav: no such", "  one.wav: not separated, "), strict=True
    ):
        assert line.startswith(words)
    assert {str(path) for path in Path("separated").rglob("*.wav")} == {
        "separated/model/one/vocals.wav",
        "separated/model/two/vocals.wav",
    }
    assert main([*arguments[:2], "one.wav"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main([*arguments[:2], "one.wav", "--overwrite"]) == 0


@pytest.mark.parametrize("number, word", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_separate_can_be_interrupted(trained, environment, number, word):
    soundfile.write("long.flac", np.random.default_rng(0).uniform(-0.1, 0.1, 8000 * 3600), 8000)
    command = [sys.executable, "-m", "auralflow", "separate", str(trained.model.path), "long.flac"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        while not (written := list(Path("separated").glob(".*/new-0"))) or written[0].stat().st_size < 100_000:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.communicate(timeout=60)[1] == f"auralflow: {word}\n" and process.returncode == 130
    finally:
        process.kill()
    assert [path for path in Path("separated").rglob("*") if path.is_file()] == []


def test_separate_takes_flags_between_its_inputs(run, trained):
    for name in ("a", "b"):
        soundfile.write(f"{name}.wav", np.full(800, 0.1), 8000)
    run("separate", trained.model.path, "a.wav", "--residual", "b.wav", "--batch_size", 1, "--overlap", 0.875)
    assert len(list(Path("separated").rglob("*.wav"))) == 4


def test_a_damaged_file_is_separated_as_far_as_it_can_be_read(trained, capsys):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * 8000, 2))
    soundfile.write("whole.wav", audio, 8000, subtype="PCM_16")
    data = Path("whole.wav").read_bytes()
    Path("cut.wav").write_bytes(data[: 44 + 4 * 12000])
    command = ["separate", str(trained.model.path), "whole.wav", "cut.wav"]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "1 of 2 could not be separated" in error and "cut.wav: truncated, its header promises 64000 bytes" in error
    assert not Path("separated/model/cut").exists()
    assert main([*command, "--tolerate_damage", "--overwrite"]) == 1
    error = capsys.readouterr().err
    assert "auralflow: 1 damaged:\n  cut.wav: truncated" in error and "12000 samples (1.50 s)" in error
    assert soundfile.info("separated/model/whole/vocals.wav").frames == 16000
    assert soundfile.info("separated/model/cut/vocals.wav").frames == 12000
    assert main([*command[:-1], "--tolerate-damage", "--overwrite"]) == 0  # nothing of it is damaged


def test_nothing_of_a_damaged_file_is_refused_with_it(trained, capsys):
    Path("text.wav").write_text("no audio")
    assert main(["separate", str(trained.model.path), "text.wav", "--tolerate_damage"]) == 2
    assert "text.wav: no audio file that can be read" in capsys.readouterr().err


def test_channels_of_an_input_keep_their_places(run, trained):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 6))
    soundfile.write("six.wav", audio, 8000, format="WAVEX", subtype="PCM_16")
    mask = slice(40, 44)  # of a file whose first chunk is the format
    data = bytearray(Path("six.wav").read_bytes())
    data[mask] = (0x60F).to_bytes(4, "little")
    Path("six.wav").write_bytes(data)
    run("separate", trained.model.path, "six.wav", "--residual_name", "accompaniment")
    for stem in ("vocals", "accompaniment"):
        assert Path(f"separated/model/six/{stem}.wav").read_bytes()[mask] == data[mask]
        assert soundfile.info(f"separated/model/six/{stem}.wav").channels == 6
    parts = [soundfile.read(f"separated/model/six/{stem}.wav")[0] for stem in ("vocals", "accompaniment")]
    np.testing.assert_allclose(sum(parts), soundfile.read("six.wav")[0], rtol=0, atol=1e-6)
