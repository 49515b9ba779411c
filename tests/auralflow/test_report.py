import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from matplotlib import image

from auralflow.errors import InputError
from auralflow.report import Example, write_page

RATE = 22050
NASTY = "<script>alert('x')</script> & \"more\" $title"
HISTORY = [{"epoch": 1, "train_loss": 1.0, "valid_loss": 0.9, "si_sdr_improvement": {"vocals": 1.0}, "lr": 1e-3}]


class Page(HTMLParser):
    """Collects what the tests ask about: tags with their attributes, and the text of cells and headings."""

    VOID = {"meta", "img", "br", "input"}

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open:
            self.texts.append((self.open[-1], data.strip()))

    def of(self, *tags):
        return [text for tag, text in self.texts if tag in tags]

    def sources(self, tag):
        return [base64.b64decode(attributes["src"].split("base64,")[1], validate=True)
                for name, attributes in self.tags if name == tag]


def example(track="song", gain=0.3, channels=2):
    mixture, estimate, truth = gain * np.random.default_rng(0).uniform(-1, 1, (3, channels, 5000)).astype(np.float32)
    return Example(track, "vocals", mixture, estimate, truth, RATE)


def row(track, estimate, si_sdr, **more):
    return {"track": track, "target": "vocals", "estimate": estimate, "si_sdr": si_sdr, "sdr": 1.0, **more}


ROWS = [row("song", "model", 5.126, si_sdr_improvement=7.0), row("song", "mixture", "-1.874", si_sdr_improvement=""),
        row("mean", "model", float("nan"), si_sdr_improvement=7.0), row("mean", "ideal_mask", None)]


@pytest.fixture
def page(tmp_path):
    def write(examples=(), rows=(), history=(), notes=None, title="Title", intro="Words"):
        write_page(tmp_path / "page.html", title, intro, examples, rows, history, notes or {})
        parsed = Page(tmp_path / "page.html")
        assert not parsed.open
        return parsed
    return write


def test_sounds_and_pictures_are_in_the_page(page):
    given = example()
    parsed = page([given], ROWS, HISTORY, {"lr": 1e-3})
    assert parsed.of("figcaption") == ["Mixture", "Estimate", "Truth"]
    for data, signal in zip(parsed.sources("audio"), given[2:5], strict=True):
        audio, rate = soundfile.read(io.BytesIO(data), always_2d=True)
        assert rate == RATE and soundfile.info(io.BytesIO(data)).subtype == "PCM_16"
        np.testing.assert_allclose(audio.T, signal, atol=2**-15)
    pictures = parsed.sources("img")
    assert len(pictures) == 2  # spectrograms and training curve
    assert all(image.imread(io.BytesIO(data), format="png").shape[1] > 500 for data in pictures)
    assert all(attributes["alt"] for tag, attributes in parsed.tags if tag == "img")


def test_nothing_is_loaded_from_elsewhere(page):
    parsed = page([example()], ROWS, HISTORY, {"lr": 1e-3})
    assert "http:" not in parsed.source and "https:" not in parsed.source
    links = [value for _, attributes in parsed.tags for key, value in attributes.items() if key in ("src", "href")]
    assert links and all(link.startswith("data:") for link in links)
    assert not [tag for tag, _ in parsed.tags if tag in ("link", "iframe", "object")]


def test_text_is_escaped_everywhere(page):
    parsed = page([example(NASTY)], [row(NASTY, NASTY, 1.0)], HISTORY, {NASTY: NASTY}, title=NASTY, intro=NASTY)
    assert parsed.source.count("<script>") == 1
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert parsed.of("h1") == parsed.of("title") == parsed.of("p")[:1] == [NASTY]
    assert parsed.of("td").count(NASTY) == 4  # track and estimate, name and value of the note
    assert any(NASTY in text for text in parsed.of("h3"))
    assert any(NASTY in attributes.get("alt", "") for tag, attributes in parsed.tags if tag == "img")


def test_the_table_has_a_row_for_each_estimate(page):
    parsed = page(rows=ROWS)
    heads = ["track", "target", "estimate", "SI-SDR (dB)", "SDR (dB)", "SI-SDR gain (dB)"]
    assert parsed.of("th") == heads + heads  # the summary, then the tracks
    cells = parsed.of("td")
    rows = [cells[i : i + 6] for i in range(0, len(cells), 6)]
    assert rows == [
        ["mean", "vocals", "model", "–", "1.00", "+7.00"],
        ["mean", "vocals", "ideal mask", "–", "1.00", "–"],
        ["song", "vocals", "model", "5.13", "1.00", "+7.00"],
        ["song", "vocals", "mixture", "−1.87", "1.00", "–"],
    ]


def test_museval_has_columns_only_where_it_was_measured(page):
    assert "museval SDR (dB)" in page(rows=[row("song", "model", 1.0, museval_sdr=4.0)]).of("th")
    assert "museval SDR (dB)" not in page(rows=ROWS).of("th")


@pytest.mark.parametrize(("tracks", "opened"), [(3, True), (13, False)])
def test_many_tracks_are_folded_away(page, tracks, opened):
    rows = [row(f"song {i}", "model", 1.0) for i in range(tracks)] + [row("mean", "model", 1.0)]
    details = [attributes for tag, attributes in page(rows=rows).tags if tag == "details"]
    assert ["open" in attributes for attributes in details] == [opened]


def test_loud_signals_are_turned_down_together(page):
    parsed = page([example(gain=2.0)])
    peaks = [np.abs(soundfile.read(io.BytesIO(data))[0]).max() for data in parsed.sources("audio")]
    np.testing.assert_allclose(peaks, 1.0, atol=2e-3)  # each of the three has a peak of about 2
    assert any("6.0 dB quieter" in text for text in parsed.of("span"))


def test_sections_without_content_are_left_out(page):
    assert page().of("h2") == []
    assert page([example()], ROWS, HISTORY, {"lr": 1}).of("h2") == ["Listen", "Evaluation", "Training", "Settings"]
    assert page(intro="one\n\ntwo").of("p") == ["one", "two"]


def test_signals_of_different_shapes_are_refused_and_the_old_page_stays(page, tmp_path):
    page(title="old")
    given = example()
    with pytest.raises(InputError, match=r"'song'.*\(2, 5000\), \(2, 4999\), \(2, 5000\)"):
        write_page(tmp_path / "page.html", "new", "", [given._replace(estimate=given.estimate[:, 1:])], [], [], {})
    assert Page(tmp_path / "page.html").of("h1") == ["old"]
    with pytest.raises(InputError, match="one shape"):
        page([Example("flat", "vocals", np.zeros(9), np.zeros(9), np.zeros(9), RATE)])
