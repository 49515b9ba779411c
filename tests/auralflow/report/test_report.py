import io

import numpy as np
import pytest
import soundfile
from html_page import Page
from PIL import Image

from auralflow.report import Example, write_page
from auralflow.report.players import SMALL
from auralflow_core.errors import InputError

RATE = 22050
NASTY = "<script>alert('x')</script> & \"more\" $title"
HISTORY = [{"epoch": 1, "train_loss": 1.0, "valid_loss": 0.9, "si_sdr_improvement": {"vocals": 1.0}, "lr": 1e-3}]


def example(track="song", gain=0.3, channels=2):
    mixture, estimate, reference = gain * np.random.default_rng(0).uniform(-1, 1, (3, channels, 5000)).astype(
        np.float32
    )
    return Example(track, "vocals", {"Mixture": mixture, "Estimate": estimate, "Reference": reference}, RATE)


def row(track, estimate, si_sdr, **more):
    return {"track": track, "target": "vocals", "estimate": estimate, "si_sdr": si_sdr, "sdr": 1.0, **more}


ROWS = [
    row("song", "model", 5.126, si_sdr_improvement=7.0),
    row("song", "mixture", "-1.874", si_sdr_improvement=""),
    row("other", "model", 2.0, si_sdr_improvement=1.0),
    row("mean", "model", float("nan"), si_sdr_improvement=7.0),
    row("mean", "ideal_mask", None),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A page with all sections."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(path, "Title", "Words", [example(), example()], ROWS, {"model": HISTORY}, {"lr": 1e-3})
    return Page(path)


@pytest.fixture
def page(tmp_path):
    def write(examples=(), rows=(), histories=None, notes=None, title="Title", intro="Words", **options):
        write_page(tmp_path / "page.html", title, intro, examples, rows, histories or {}, notes or {}, **options)
        return Page(tmp_path / "page.html")

    return write


def tones(rate, seconds=0.5, **frequencies):
    time = np.arange(round(rate * seconds)) / rate
    return Example(
        "song",
        "vocals",
        {
            name: 0.5 * np.sin(2 * np.pi * frequency * time)[None].astype(np.float32)
            for name, frequency in frequencies.items()
        },
        rate,
        start=65.0,
    )


def decoded(data):
    audio, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return audio.T, rate


def test_sounds_and_pictures_are_in_the_page(whole):
    assert whole.of("figcaption") == ["Mixture", "Estimate", "Reference"] * 2 + ["SI-SDR", "SDR"]
    for (data, kind), signal in zip(whole.sources("audio"), [*example().versions.values()] * 2, strict=True):
        audio, rate = decoded(data)
        assert (rate, kind) == (RATE, "audio/flac") and soundfile.info(io.BytesIO(data)).subtype == "PCM_16"
        np.testing.assert_allclose(audio, signal, atol=2**-15)
    pictures = whole.sources("img")
    assert [kind for _, kind in pictures] == ["image/webp"] * 2 + ["image/png"] * 3
    for data, kind in pictures:  # spectrograms, box plots of two figures, training curve
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.width > 500 and opened.get_format_mimetype() == kind
    assert all(attributes["alt"] for tag, attributes in whole.tags if tag == "img")


@pytest.mark.parametrize(
    ("rate", "played"), [(8000, 48000), (11025, 48000), (32000, 32000), (44100, 44100), (96000, 48000)]
)
def test_small_sounds_are_as_long_and_as_loud_as_the_signals(tmp_path, rate, played):
    pitches = {"Mixture": 300, "Model": 700, "Reference": 1100}
    write_page(tmp_path / "page.html", "", "", [tones(rate, **pitches)], [], {}, {}, SMALL)
    sounds = Page(tmp_path / "page.html").sources("audio")
    for (data, kind), pitch in zip(sounds, pitches.values(), strict=True):
        audio, found = decoded(data)
        assert (kind, found) == ("audio/mpeg", played) and audio.shape[1] == pytest.approx(played / 2, abs=4)
        inside = slice(played // 20, -played // 20)  # mp3 smears beginnings and ends
        expected = 0.5 * np.sin(2 * np.pi * pitch * np.arange(audio.shape[1]) / played)[inside]
        assert np.std(audio[0, inside] - expected) < 0.005 * np.std(expected)


def test_an_excerpt_says_where_it_begins(page):
    parsed = page([tones(8000, Mixture=300, Reference=900)])
    assert parsed.of("span") == ["· vocals · from 1:05"]
    [seconds] = [attributes["data-seconds"] for _, attributes in parsed.tags if "data-seconds" in attributes]
    assert float(seconds) == 0.5


def test_only_the_first_examples_spectrograms_are_unfolded(whole):
    details = [attributes for tag, attributes in whole.tags if tag == "details"]
    assert ["open" in attributes for attributes in details] == [True, False, True, True]  # and the tables of tracks


def test_nothing_is_loaded_from_elsewhere(whole):
    whole.check_loads_nothing()


def test_text_is_escaped_everywhere(page):
    given = example(NASTY)
    given = given._replace(versions={NASTY: given.versions["Mixture"], "a$b$c": given.versions["Reference"]})
    rows, histories = [row(NASTY, NASTY, 1.0), row("b", NASTY, 1.0)], {NASTY: HISTORY, "b": HISTORY}
    parsed = page([given], rows, histories, {NASTY: NASTY}, title=NASTY, intro=NASTY)
    assert parsed.source.count("<script>") == 1
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert parsed.of("h1") == parsed.of("title") == parsed.of("p")[:1] == [NASTY]
    assert parsed.of("td").count(NASTY) == 4  # the track in two tables, name and value of the note
    assert parsed.of("th").count(NASTY) == 2 and parsed.of("figcaption")[:2] == [NASTY, "a$b$c"]
    assert any(NASTY in text for text in parsed.of("h3"))
    assert any(NASTY in attributes.get("alt", "") for tag, attributes in parsed.tags if tag == "img")


def test_the_summary_has_a_line_for_each_estimate_and_tracks_have_estimates_side_by_side(page):
    summary, si_sdr, sdr = page(rows=ROWS).tables()
    assert summary == [
        ["track", "target", "estimate", "SI-SDR", "SDR", "SI-SDR gain"],
        ["mean", "vocals", "model", "–", "1.00", "+7.00"],
        ["mean", "vocals", "ideal mask", "–", "1.00", "–"],
    ]
    assert si_sdr == [
        ["track", "target", "mixture", "model"],
        ["song", "vocals", "−1.87", "5.13"],
        ["other", "vocals", "–", "2.00"],
    ]
    assert sdr[1] == ["song", "vocals", "1.00", "1.00"]


def test_models_stand_between_the_mixture_and_the_ideal_mask(page):
    rows = [
        row(track, name, value)
        for track in ("A", "B")
        for name, value in (("first", 1.0), ("second", 2.0), ("mixture", 0.0), ("ideal_mask", 9.0))
    ]
    rows.append({**row("B", "second", 3.0), "target": "drums"})
    assert page(rows=rows).tables()[0] == [
        ["track", "target", "mixture", "first", "second", "ideal mask"],
        ["A", "vocals", "0.00", "1.00", "2.00", "9.00"],
        ["B", "vocals", "0.00", "1.00", "2.00", "9.00"],
        ["B", "drums", "–", "–", "3.00", "–"],
    ]


def test_museval_has_columns_only_where_it_was_measured(page):
    rows = [row(track, "model", 1.0, museval_sdr=4.0) for track in "AB"]
    assert "museval SDR" in page(rows=rows).of("figcaption")
    assert "museval SDR" not in page(rows=ROWS).of("figcaption")


def test_the_mixture_has_no_box_of_artefacts(page):
    scores = (("model", 4.0), ("mixture", float("nan")))
    parsed = page(rows=[row(track, name, 1.0, bss_sar=value) for track in "AB" for name, value in scores])
    assert sum("no artefacts" in text for text in parsed.of("p")) == 1
    assert parsed.tables()[-1][1] == ["A", "vocals", "–", "4.00"]


def test_a_single_track_has_a_table_and_neither_boxes_nor_means(page):
    parsed = page(rows=[row("song", name, 5.126) for name in ("model", "mixture")])
    assert parsed.sources("img") == [] and parsed.of("figcaption") == []
    assert parsed.tables() == [
        [
            ["track", "target", "estimate", "SI-SDR", "SDR"],
            ["song", "vocals", "model", "5.13", "1.00"],
            ["song", "vocals", "mixture", "5.13", "1.00"],
        ]
    ]


def test_each_model_has_its_training_curve(page):
    assert page(histories={"mine": HISTORY}).of("h3") == []
    parsed = page(histories={"mine": HISTORY, "untrained": [], "$other$": HISTORY})
    assert parsed.of("h3") == ["mine", "$other$"] and len(parsed.sources("img")) == 2


@pytest.mark.parametrize(("tracks", "opened"), [(3, True), (13, False)])
def test_many_tracks_are_folded_away(page, tracks, opened):
    rows = [row(f"song {i}", "model", 1.0) for i in range(tracks)] + [row("mean", "model", 1.0)]
    details = [attributes for tag, attributes in page(rows=rows).tags if tag == "details"]
    assert ["open" in attributes for attributes in details] == [opened] * 2


def test_loud_signals_are_turned_down_together(page):
    parsed = page([example(gain=2.0)])
    peaks = [np.abs(decoded(data)[0]).max() for data, _ in parsed.sources("audio")]
    np.testing.assert_allclose(peaks, 1.0, atol=2e-3)  # each of the three has a peak of about 2
    assert any("6.0 dB quieter" in text for text in parsed.of("span"))


def test_sections_without_content_are_left_out(page, whole):
    assert page().of("h2", "a") == []
    assert whole.of("h2") == whole.of("a") == ["Listen", "Evaluation", "Training", "Settings"]
    anchors = [attributes["href"] for tag, attributes in whole.tags if tag == "a"]
    assert anchors == ["#" + attributes["id"] for tag, attributes in whole.tags if tag == "section"]
    assert page(intro="one\n\ntwo").of("p") == ["one", "two"]


def test_what_cannot_be_played_is_refused_and_the_old_page_stays(page, tmp_path):
    page(title="old")
    given = example()
    for audio, words in (
        (given.versions["Estimate"][:, 1:], r"'song'.*Mixture \(2, 5000\), Estimate \(2, 4999\)"),
        (np.full((2, 5000), np.nan), "Estimate of 'vocals' holds NaN"),
    ):
        with pytest.raises(InputError, match=words):
            page([given._replace(versions=given.versions | {"Estimate": audio})], title="new")  # pyright: ignore[reportOperatorIssue]
    with pytest.raises(InputError, match="one shape"):
        page([given._replace(versions={"Mixture": np.zeros(9)})])
    with pytest.raises(InputError, match="shapes none"):
        page([given._replace(versions={})])
    assert Page(tmp_path / "page.html").of("h1") == ["old"]
