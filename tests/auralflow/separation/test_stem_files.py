import numpy as np
import pytest
import soundfile
from stem_files import RATE, names, write

from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files
from auralflow_core.audio import encode as formats
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError


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


def test_a_rate_or_channels_that_a_format_has_not_fail_alone(tmp_path, run):
    write(tmp_path / "good.wav", rate=44100)
    write(tmp_path / "high.wav", rate=96000)
    write(tmp_path / "many.wav", 3)
    result = run(
        *(tmp_path / f"{name}.wav" for name in ("high", "good", "many")),
        directory=tmp_path / "out",
        encoding=Encoding("mp3"),
        fails=True,
    )
    assert len(result.failures) == 2
    assert "high/bass.mp3: mp3 has no sample rate of 96000 Hz" in result.failures[0]
    assert "many/bass.mp3: mp3 holds at most 2 channels, not 3" in result.failures[1]
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
    result = run(first, second, third, directory=tmp_path / "out", fails=True)
    [line] = result.failures
    assert line.startswith(f"{second}: not separated, its stems would be written over those of {first}; ")
    assert result.separated == 2 and names(tmp_path / "out") == [
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
    result = run(path, directory=tmp_path / "out", factors={"bass": 0.1}, fails=True)
    assert "a.wav: not separated, " in result.failures[0] and "--overwrite" in result.failures[0]
    assert (tmp_path / "out/a/bass.wav").read_bytes() == first
    # Of other targets, too: the old residual would belong to none of them.
    result = run(path, directory=tmp_path / "out", factors={"drums": 0.1}, fails=True)
    assert "residual.wav exists already" in result.failures[0]
    run(path, directory=tmp_path / "out", factors={"bass": 0.1}, overwrite=True)
    assert (tmp_path / "out/a/bass.wav").read_bytes() != first
    assert names(tmp_path / "out") == ["a/bass.wav", "a/vocals.wav"]


def test_a_target_named_residual_has_its_file_to_itself(tmp_path, run):
    path = write(tmp_path / "a.wav")
    with pytest.raises(InputError, match="'residual' is a target"):
        run(path, directory=tmp_path / "out", factors={"bass": 1, "residual": 0.5}, residual=True)
    run(path, directory=tmp_path / "out", factors={"bass": 1, "residual": 0.5})
    assert names(tmp_path / "out") == ["a/bass.wav", "a/residual.wav"]


def test_one_bad_file_does_not_stop_the_rest(tmp_path, run):
    write(tmp_path / "a.wav"), write(tmp_path / "c.wav")
    audio = np.full(300_000, 0.1)
    audio[250_000] = np.nan  # found when the place is reached
    soundfile.write(tmp_path / "b.wav", audio, RATE, subtype="FLOAT")
    result = run(*(tmp_path / f"{name}.wav" for name in "abc"), directory=tmp_path / "out", fails=True)
    [line] = result.failures
    assert "b.wav: holds NaN or infinite values, the first in sample 250000," in line and result.audio == 2
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
        result = separate_files(sources, copies(), output)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    # Finished stems stay, and the rest is not computed for a disk that has no room for it.
    assert names(tmp_path / "out") == [f"small/bass.{container}", f"small/vocals.{container}"]
    assert result.separated == 1 and result.failures[1:] == [f"{late}: not tried"]
    assert result.failures[0].startswith(f"{path}: ") and any(
        words in result.failures[0] for words in ("the disk may be full", "File too large")
    )


def test_long_files_become_rf64(tmp_path, run, monkeypatch):
    monkeypatch.setattr(formats, "WAV_BYTES", 1000)
    run(write(tmp_path / "a.wav"), directory=tmp_path / "out")
    assert soundfile.info(tmp_path / "out/a/bass.wav").format == "RF64"
