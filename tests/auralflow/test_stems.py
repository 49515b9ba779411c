import numpy as np
import pytest
import soundfile

from auralflow.errors import InputError
from auralflow.stems import Source, find_sources, load_model, quantised, separate_files

RATE = 8000


def write(path, channels=1, samples=RATE, rate=RATE, seed=0, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).uniform(-0.5, 0.5, (samples, channels))
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


def two_masks(audio, sample_rate, progress):
    """In place of a model: a loud and a soft copy that do not add up to the mixture."""
    progress(audio.shape[-1] / sample_rate)
    return np.stack([audio * np.float32(0.7531), -audio / np.float32(3)])


def run(sources, directory, **options):
    return separate_files(sources, two_masks, ("bass", "vocals"), directory, **options)


def test_finds_files_folders_and_tracks(tmp_path):
    single = write(tmp_path / "single.wav")
    write(tmp_path / "album/one.flac"), write(tmp_path / "album/two.wav"), write(tmp_path / "album/.hidden.wav")
    (tmp_path / "album/cover.txt").write_text("no audio")
    write(tmp_path / "My song/mixture.wav"), write(tmp_path / "My song/vocals.wav")
    sources = find_sources([single, tmp_path / "album", tmp_path / "My song/"])
    assert [(source.name, source.path.name) for source in sources] == [
        ("single", "single.wav"), ("one", "one.flac"), ("two", "two.wav"), ("My song", "mixture.wav")]


def test_takes_the_part_that_was_asked_for(tmp_path):
    path = write(tmp_path / "a.wav", samples=RATE)
    assert find_sources([path], 0.25, 0.5) == [Source("a", path, 2000, 4000, RATE)]
    assert find_sources([path], 0.25)[0].samples == 6000
    assert find_sources([path], 0.25, 100)[0].samples == 6000
    assert find_sources([path], 0, 1e-9)[0].samples == 1


@pytest.mark.parametrize(("start", "duration", "words"), [
    (1, None, "start is 1 s, but the file is only 1.000 s long"), (-1, None, "start is -1 s, expected 0 or more"),
    (float("nan"), None, "start is nan"), (0, 0, "duration is 0 s, expected more than 0"),
    (0, float("inf"), "duration is inf")])
def test_refuses_parts_that_are_not_there(tmp_path, start, duration, words):
    with pytest.raises(InputError, match=words):
        find_sources([write(tmp_path / "a.wav")], start, duration)


def test_refuses_what_cannot_be_separated(tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "three.wav", channels=3)
    write(tmp_path / "a/song.wav"), write(tmp_path / "b/Song.flac")
    write(tmp_path / "twice/mixture.wav"), write(tmp_path / "twice/mixture.flac")
    for inputs, words in (([tmp_path / "empty"], "empty: holds no audio files"),
                          ([tmp_path / "three.wav"], "three.wav: has 3 channels; mono and stereo"),
                          ([tmp_path / "none.wav"], "none.wav: no such file"),
                          ([tmp_path / "twice"], "holds mixture.flac and mixture.wav"),
                          ([tmp_path / "a", tmp_path / "b"], "song.wav and .*Song.flac would both be written")):
        with pytest.raises(InputError, match=words):
            find_sources(inputs)


def test_never_writes_beside_the_source(tmp_path):
    path = write(tmp_path / "music/song/mixture.wav")
    truth = write(tmp_path / "music/song/vocals.wav").read_bytes()
    with pytest.raises(InputError, match="save to another folder"):
        run(find_sources([path.parent]), tmp_path / "music")
    assert (path.parent / "vocals.wav").read_bytes() == truth
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.parametrize("channels", [1, 2])
def test_stems_have_the_sources_rate_channels_and_length(tmp_path, channels):
    path = write(tmp_path / "a.wav", channels, samples=22051, rate=22050)
    seen = []
    _, seconds = run(find_sources([path]), tmp_path / "out", progress=lambda *report: seen.append(report))
    assert seconds > 0 and seen == [("a", 22051 / 22050)]
    files = sorted((tmp_path / "out/a").iterdir())
    assert [file.name for file in files] == ["bass.wav", "vocals.wav"]
    for file in files:
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (22050, channels, 22051, "FLOAT")
    mixture = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_array_equal(soundfile.read(files[0], dtype="float32")[0], mixture * np.float32(0.7531))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_integer_stems_and_residual_add_up_exactly(tmp_path, bits, subtype):
    path = write(tmp_path / "a.wav", 2, subtype=subtype)
    clipped, _ = run(find_sources([path], 0.125, 0.5), tmp_path / "out", bits=bits, residual=True)
    assert clipped == []
    # libsndfile gives integers of any size in the upper bits of an int32.
    files = [soundfile.read(tmp_path / f"out/a/{name}.wav", dtype="int32")[0].astype(np.int64) >> (32 - bits)
             for name in ("bass", "vocals", "residual")]
    mixture = np.rint(soundfile.read(path, dtype="float64")[0][1000:5000] * 2 ** (bits - 1))
    np.testing.assert_array_equal(sum(files), mixture)
    assert soundfile.info(tmp_path / "out/a/residual.wav").subtype == f"PCM_{bits}"


def test_float_stems_and_residual_add_up_to_half_a_bit(tmp_path):
    path = write(tmp_path / "a.wav", 2, subtype="PCM_24")
    run(find_sources([path]), tmp_path / "out", residual=True)
    bass, vocals, residual = (soundfile.read(tmp_path / f"out/a/{name}.wav", dtype="float64")[0]
                              for name in ("bass", "vocals", "residual"))
    mixture = soundfile.read(path, dtype="float64")[0]
    assert (np.abs(bass + vocals + residual - mixture) <= 2.0**-24 * np.abs(residual)).all()
    # Rounded to the 24 bits that it had, it is the mixture itself.
    np.testing.assert_array_equal(np.rint((bass + vocals + residual) * 2**23), mixture * 2**23)


def test_clipping_is_reported(tmp_path):
    audio = np.zeros((100, 1), np.float32)
    audio[:3] = 1.5
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    clipped, _ = run(find_sources([tmp_path / "a.wav"]), tmp_path / "out", bits=16, residual=True)
    assert [line.split(" at ")[0] for line in clipped] == [
        f"{tmp_path}/out/a/bass.wav: 3 of 100 samples clipped",
        f"{tmp_path}/a.wav (the mixture): 3 of 100 samples clipped"]
    assert run(find_sources([tmp_path / "a.wav"]), tmp_path / "out", residual=True)[0] == []
    assert soundfile.read(tmp_path / "out/a/bass.wav")[0].max() == pytest.approx(1.5 * 0.7531, rel=1e-7)


def test_a_residual_beyond_full_scale_is_clipped():
    mixture = np.full((1, 4), 0.75, np.float32)
    (_, _, first), (name, audio, count) = quantised(mixture, {"vocals": -mixture}, "PCM_16", True)
    assert (name, first, count) == ("residual", 0, 4)
    np.testing.assert_array_equal(audio, 1 - 2.0**-15)


def test_a_target_named_residual_has_its_file_to_itself(tmp_path):
    with pytest.raises(InputError, match="target 'residual'"):
        separate_files(find_sources([write(tmp_path / "a.wav")]), two_masks, ("bass", "residual"), tmp_path / "out",
                       residual=True)


def test_load_model_checks_overlap_and_folder(tmp_path):
    with pytest.raises(InputError, match="overlap is 0.6, expected 0 to 0.5"):
        load_model(tmp_path, 0.6)
    with pytest.raises(InputError, match="no model folder"):
        load_model(tmp_path)
