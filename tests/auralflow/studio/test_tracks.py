"""What players ask for: blocks of samples, outlines of waveforms, and mixes."""

import io
import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile as sf

from auralflow.studio.app import make_app
from auralflow.studio.mixing import pan_matrix

JSON = {"Content_Type": "application/json"}


def tracks_of(server, known):
    return {track["name"]: track for track in server.get(f"/api/jobs/{known.id}/tracks")}


@pytest.mark.parametrize("name", ["noise", "sine", "flac"])
def test_blocks_are_the_samples_of_the_file(studio, library, name):
    known = library[1][name]
    tracks = tracks_of(studio, known)
    assert list(tracks)[-1] == "song.wav"
    mixture = np.sum([*known.stems.values()], axis=0)
    for track, audio in zip(tracks.values(), [*known.stems.values(), mixture], strict=True):
        shape = (track["sample_rate"], track["samples"], track["channels"])
        assert shape == (known.rate, *audio.shape)
        for start, samples in ((0, 1000), (len(audio) // 2, 4321), (len(audio) - 7, 1000)):
            status, headers, body = studio.ask("GET", f"{track['address']}/samples?start={start}&samples={samples}")
            assert (status, headers["content-type"]) == (200, "application/octet-stream")
            got = np.frombuffer(body, "<f4").reshape(audio.shape[1], -1).T
            atol = 2.0**-15 if track["name"].endswith("flac") else 0  # of 16 bits
            np.testing.assert_allclose(got, audio[start : start + samples], rtol=0, atol=atol)


def test_outlines_are_the_extremes_of_each_512_samples(studio, library):
    known = library[1]["noise"]
    for track, audio in zip(tracks_of(studio, known).values(), known.stems.values(), strict=False):
        for _ in range(2):  # computed, and kept
            status, _, body = studio.ask("GET", f"{track['address']}/peaks")
            assert status == 200
            parts = np.split(audio, range(512, len(audio), 512))
            expected = [np.rint([127 * part.min(), 127 * part.max()]) for part in parts]
            np.testing.assert_array_equal(np.frombuffer(body, np.int8).reshape(-1, 2), expected)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("stems/drums.wav/samples?start=40000", 416, "drums.wav has 40000 samples"),
        ("stems/drums.wav/samples?start=-1", 422, "start"),
        ("stems/drums.wav/samples?samples=0", 422, "samples"),
        ("stems/drums.wav/samples?samples=262145", 422, "samples"),
        ("stems/drums.wav/samples?start=1e400", 422, "start"),
        ("stems/nothing.wav/samples", 404, "no stem"),
        ("stems/..%2fsong.wav/samples", 404, "Not Found"),
        ("stems/%2e%2e/peaks", 404, ""),
        ("mix/flac", 404, "the file is gone"),
        ("mix/exe", 422, "format"),
    ],
)
def test_what_there_is_not_is_one_sentence(studio, library, path, status, said):
    answer = studio.ask("GET", f"/api/jobs/{library[1]['noise'].id}/{path}")
    assert answer[0] == status
    assert said in str(json.loads(answer[2])["detail"])
    assert str(library[0]) not in answer[2].decode()


def mixed(server, known, parts, format="wav"):
    """The mix that the server writes, as float64 (samples, 2), and the number of samples that were cut off."""
    answer = server.ask("POST", f"/api/jobs/{known.id}/mix?format={format}", json.dumps(parts), **JSON)
    assert answer[0] == 201, answer[2]
    result = json.loads(answer[2])
    status, headers, body = server.ask("GET", result["address"])
    assert status == 200
    assert "attachment" in headers["content-disposition"]
    audio, rate = sf.read(io.BytesIO(body), always_2d=True)
    assert rate == known.rate
    return audio, result["clipped"]


@pytest.mark.parametrize(("pan", "format"), [(0, "wav"), (-0.4, "wav"), (1, "flac"), (0.3, "mp3"), (-1, "ogg")])
def test_a_mix_is_the_sum_of_the_levels(studio, library, pan, format):
    known = library[1]["noise"]
    drums, bass = (audio.astype(np.float64) for audio in known.stems.values())
    parts = [{"stem": "drums.wav", "gain": 0.5, "pan": pan}, {"stem": "bass.wav", "gain": 0.25}]
    audio, clipped = mixed(studio, known, parts, format)
    # The StereoPannerNode's formula, of the Web Audio API, for stereo.
    angle = np.pi / 2 * (pan + 1 if pan <= 0 else pan)
    left, right = drums.T
    if pan <= 0:
        panned = np.stack([left + right * np.cos(angle), right * np.sin(angle)], axis=1)
    else:
        panned = np.stack([left * np.cos(angle), right + left * np.sin(angle)], axis=1)
    expected = 0.5 * panned + 0.25 * bass
    assert audio.shape == expected.shape
    error = 20 * np.log10(np.sqrt(np.mean((audio - expected) ** 2) / np.mean(expected**2)))
    assert error < {"wav": -90, "flac": -90, "mp3": -10, "ogg": -5}[format]  # noise is hard for the lossy ones
    assert clipped == 0


def test_a_mono_stem_is_as_loud_in_the_middle_and_keeps_its_power_elsewhere(studio, library):
    known = library[1]["flac"]
    mono = known.stems["vocals"]
    middle, _ = mixed(studio, known, [{"stem": "vocals.flac"}])
    np.testing.assert_allclose(middle, np.repeat(mono, 2, axis=1), atol=2.0**-15)
    side, _ = mixed(studio, known, [{"stem": "vocals.flac", "pan": 0.5}])
    np.testing.assert_allclose((side**2).sum(axis=1), 2 * mono[:, 0] ** 2, atol=1e-4)
    assert (side[:, 1] ** 2).sum() > (side[:, 0] ** 2).sum()
    np.testing.assert_allclose(pan_matrix(-1, 1), [[np.sqrt(2)], [0]], atol=1e-15)


def test_what_is_beyond_full_scale_is_counted(studio, library):
    known = library[1]["noise"]
    expected = int((np.abs(4 * known.stems["drums"]) > 1).sum())
    assert mixed(studio, known, [{"stem": "drums.wav", "gain": 4}], "wav")[1] == 0
    audio, clipped = mixed(studio, known, [{"stem": "drums.wav", "gain": 4}], "flac")
    assert abs(clipped - expected) <= 2  # those within the last step
    assert abs(audio).max() <= 1


def test_a_mix_that_a_player_computed_is_written(studio, library):
    known = library[1]["noise"]
    address = f"/api/jobs/{known.id}/mix/flac"
    sound = np.concatenate([2 * known.stems["drums"], known.stems["bass"]])  # twice as long as the song
    status, _, body = studio.ask("POST", address, sound.astype("<f4").tobytes())
    expected = np.clip(sound, -1, 1)
    assert status == 201
    assert json.loads(body) == {"address": address, "clipped": int((np.abs(sound) > 1).sum())}
    got, rate = sf.read(io.BytesIO(studio.ask("GET", address)[2]))
    assert rate == known.rate
    np.testing.assert_allclose(got, expected, atol=2.0**-22)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_four_stems_and_their_song_are_one_stem_file(studio, library, tmp_path):
    known = library[1]["four"]
    status, _, body = studio.ask("POST", f"/api/jobs/{known.id}/stem-file")
    assert (status, json.loads(body)["clipped"]) == (201, 0)
    path = tmp_path / "all.stem.mp4"
    path.write_bytes(studio.ask("GET", f"/api/jobs/{known.id}/stem-file")[2])
    expected = [sum(known.stems.values()), *[known.stems[name] for name in ("drums", "bass", "other", "vocals")]]
    for stream, audio in enumerate(expected):
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{stream}", "-f", "f32le", "-"]
        decoded = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4").reshape(-1, 2)
        assert 0 <= len(decoded) - len(audio) < 1024  # this decoder gives the last frame of AAC whole
        assert np.corrcoef(decoded[2000:42000, 0], audio[2000:42000, 0])[0, 1] > 0.99
    answer = studio.ask("POST", f"/api/jobs/{library[1]['noise'].id}/stem-file")
    assert answer[0] == 400
    assert "holds four stems" in json.loads(answer[2])["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "no body"),
        (bytes(9), 400, "a multiple of 8"),
        (np.full(2, np.nan, "<f4").tobytes(), 400, "NaN"),
        (bytes(3 * 8 * 40000 + 8), 413, "is not accepted"),
    ],
)
def test_a_computed_mix_is_bounded(studio, library, body, status, said):
    answer = studio.ask("POST", f"/api/jobs/{library[1]['noise'].id}/mix/wav", body)
    assert answer[0] == status
    assert said in json.loads(answer[2])["detail"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("[]", 400, "at least one"),
        ('[{"stem": "drums.wav"}, {"stem": "drums.wav"}]', 400, "each once"),
        ('[{"stem": "../song.wav"}]', 404, "no stem"),
        ('[{"stem": "drums.wav", "gain": -1}]', 422, "gain"),
        ('[{"stem": "drums.wav", "gain": NaN}]', 422, "gain"),
        ('[{"stem": "drums.wav", "gain": 1e300}]', 422, "gain"),
        ('[{"stem": "drums.wav", "pan": 2}]', 422, "pan"),
        ('{"stem": "drums.wav"}', 422, "list"),
        ("no JSON", 422, "JSON"),
        (json.dumps([{}] * 100), 422, "and 95 more"),
        (f'[{{"stem": "{"a" * 70_000}"}}]', 413, "65536 bytes"),
    ],
)
def test_a_mix_that_is_asked_wrongly_is_one_sentence(studio, library, body, status, said):
    answer = studio.ask("POST", f"/api/jobs/{library[1]['noise'].id}/mix", body, **JSON)
    assert answer[0] == status
    assert said in str(json.loads(answer[2])["detail"])


@pytest.mark.parametrize("path", ["/", "/studio.js", "/api/jobs/{id}/tracks", "/api/jobs/{id}/stems/drums.wav/samples"])
def test_other_sites_get_nothing(studio, library, path):
    path = path.format(id=library[1]["noise"].id)
    assert studio.ask("GET", path)[0] == 200
    assert studio.ask("GET", path, Host="evil.example")[0] == 400
    assert studio.ask("GET", path, Origin="https://evil.example")[0] == 403
    assert studio.ask("GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def test_a_mix_is_not_made_for_other_sites(studio, library):
    path = f"/api/jobs/{library[1]['noise'].id}/mix"
    body = '[{"stem": "drums.wav"}]'
    for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}):
        assert studio.ask("POST", path, body, **JSON, **headers)[0] == 403


def test_the_page_lets_nothing_else_in(studio, tmp_path):
    status, headers, body = studio.ask("GET", "/")
    policy = headers["content-security-policy"]
    assert status == 200
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    assert b"http:" not in body
    assert b"https:" not in body
    for path in ("/page.py", "/..%2fapp.py", "/../app.py", "/%2e%2e/app.py", "/page/studio.js"):
        assert studio.ask("GET", path)[0] == 404
    assert "/" not in {route.path for route in make_app(tmp_path, ["model"]).app.routes}  # that of `auralflow serve`
