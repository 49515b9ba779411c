"""The page's script, in a headless Chromium."""

import json

import chromium
import numpy as np
import pytest

from auralflow.report import Example, write_page
from auralflow.report.players import SMALL

pytestmark = pytest.mark.skipif(chromium.PATH is None, reason="no Chromium is installed")

RATE, SECONDS, SWITCH = 8000, 2.0, 1.0
NAMES = ("Mixture", "a_model_with_a_rather_long_name_of_its_own", "another", "Reference")
ROWS = [
    {"track": "song", "target": "vocals", "estimate": name, "si_sdr": 1.0, "sdr": 2.0, "si_sdr_improvement": 3.0}
    for name in (*NAMES[1:3], "mixture", "ideal_mask")
]
ROWS += [{**row, "track": "another_song_" * 8} for row in ROWS]
ROWS += [{**row, "track": "mean"} for row in ROWS[:4]]

HELPERS = """
const until = async condition => { while (!condition()) await new Promise(done => setTimeout(done, 5)); };
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const press = (name, root = document) => all('button', root).find(button => button.textContent === name).click();
const pressed = root => all('button[aria-pressed=true]', root).map(button => button.textContent);
const label = player => player.querySelector('.play').getAttribute('aria-label');
const state = player => [pressed(player)[0], label(player), player.querySelector('.clock').textContent];
"""
OFFLINE = chromium.offline(RATE)


@pytest.fixture(scope="module")
def examples():
    """Two songs of noise, every version another one."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, len(NAMES), 1, int(RATE * SECONDS))).astype(np.float32)
    return [
        Example(f"song {index}", "vocals", dict(zip(NAMES, signals, strict=True)), RATE)
        for index, signals in enumerate(noise)
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory, examples):
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(path, "An " + "evaluation_" * 8, "a_rather_long_word_" * 8, examples, ROWS, {}, {"a" * 60: "b" * 200})
    return path


@pytest.fixture
def run(browser, path):
    """Runs a script in the page, freshly loaded."""
    browser.open(path)
    return lambda script: browser.run(HELPERS + script)


def test_versions_play_side_by_side_and_switch_in_place(run, examples):
    sound = json.loads(
        run(
            OFFLINE
            + f"""
        const player = document.querySelector('.player');
        player.querySelector('.play').click();
        await until(() => label(player) === 'pause');
        rendered.suspend({SWITCH}).then(() => {{
          press('another', player);
          OfflineAudioContext.prototype.resume.call(rendered);
        }});
        const buffer = await rendered.startRendering();
        return JSON.stringify([...buffer.getChannelData(0)]);
    """
        )
    )
    sound, versions = np.array(sound), {name: audio[0] for name, audio in examples[0].versions.items()}
    lag = int(np.argmax(np.correlate(sound, versions["Mixture"][:2000], "valid")))
    switch, end = int(SWITCH * RATE), lag + int(SECONDS * RATE)
    assert lag < 0.1 * RATE and not sound[:lag].any() and not sound[end + 1 :].any()
    np.testing.assert_allclose(sound[lag : switch - 128], versions["Mixture"][: switch - 128 - lag], atol=1e-3)
    # After a fade of some milliseconds: the same place of the other version, to the sample.
    after = slice(switch + 800, end - 1)
    np.testing.assert_allclose(sound[after], versions["another"][after.start - lag : after.stop - lag], atol=1e-3)


def test_the_player_shows_what_it_plays(run):
    steps = run("""
        const [first, second] = all('.player'), seen = [[all('figure', first).every(figure => figure.hidden)]];
        const note = player => seen.push(state(player));
        note(first);
        press('Reference', first);
        note(first);
        first.dispatchEvent(new KeyboardEvent('keydown', {key: '3'}));
        note(first);
        const seek = first.querySelector('.seek');
        seek.value = 0.6;
        seek.oninput();
        note(first);
        first.querySelector('.play').click();
        await until(() => label(first) === 'pause');
        note(first);
        second.querySelector('.play').click();
        await until(() => label(second) === 'pause');
        note(second);
        note(first);
        return seen;
    """)
    assert steps == [
        [True],
        ["Mixture", "play", "0:00 / 0:02"],
        ["Reference", "play", "0:00 / 0:02"],
        ["another", "play", "0:00 / 0:02"],
        ["another", "play", "0:01 / 0:02"],
        ["another", "pause", "0:01 / 0:02"],
        ["Mixture", "pause", "0:00 / 0:02"],
        ["another", "play", "0:01 / 0:02"],
    ]


def test_a_player_goes_on_and_ends_at_its_beginning(run):
    positions = run("""
        const player = document.querySelector('.player'), seek = player.querySelector('.seek'), seen = [];
        player.querySelector('.play').click();
        await until(() => seek.value > 0.1);
        player.querySelector('.play').click();
        seen.push(Number(seek.value));
        await new Promise(done => setTimeout(done, 100));
        seen.push(Number(seek.value));
        player.querySelector('.play').click();
        await until(() => seek.value > seen[0] + 0.1);
        seek.value = 0.95;
        seek.oninput();
        await until(() => label(player) === 'play');
        return [...seen, Number(seek.value)];
    """)
    assert 0.1 < positions[0] < 0.9 and positions[1] == positions[0] and positions[2] == 0


def test_one_figure_is_shown_at_a_time(run):
    assert run("""
        const visible = () => all('.views > figure').map(figure => !figure.hidden), seen = [visible()];
        press('SDR');
        return [...seen, visible(), pressed(document.querySelector('.views'))];
    """) == [[True, False], [False, True], ["SDR"]]


def test_sounds_that_the_script_cannot_decode_are_left_to_the_browsers_players(run):
    assert run("""
        AudioContext.prototype.decodeAudioData = () => Promise.reject(new Error('unknown'));
        document.querySelector('.play').click();
        await until(() => all('.play').length === 1);
        const player = document.querySelector('.player');
        return [all('button', player).length, all('figure', player).map(figure => figure.hidden)];
    """) == [0, [False] * len(NAMES)]


def test_the_page_may_ask_nothing_of_the_network(run):
    assert run("""
        const refused = [];
        document.addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));
        fetch('http://127.0.0.1:9/').catch(() => {});
        new Image().src = 'http://127.0.0.1:9/picture.png';
        await until(() => refused.length === 2);
        return refused.sort();
    """) == ["connect-src", "img-src"]


def test_mp3_is_decoded_where_it_belongs(browser, tmp_path):
    time = np.arange(2 * RATE) / RATE
    bursts = {
        name: (0.5 * np.sin(2 * np.pi * pitch * time) * (np.abs(time - 1) < 0.3))[None].astype(np.float32)
        for name, pitch in zip(NAMES, (300, 500, 700, 900), strict=True)
    }
    write_page(tmp_path / "small.html", "", "", [Example("song", "vocals", bursts, RATE)], [], {}, {}, SMALL)
    browser.open(tmp_path / "small.html")
    for duration, begin, end in browser.run(
        HELPERS
        + """
        const context = new OfflineAudioContext(1, 1, 48000);
        return await Promise.all(all('audio').map(async element => {
          const data = (await context.decodeAudioData(bytes(element.src))).getChannelData(0);
          const loud = data.findIndex(value => Math.abs(value) > 0.1);
          return [data.length, loud, data.findLastIndex(value => Math.abs(value) > 0.1)].map(place => place / 48000);
        }));
    """
    ):
        assert abs(duration - 2) < 0.06 and abs(begin - 0.7) < 0.03 and abs(end - 1.3) < 0.03


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_windows_of_any_width_need_no_scrolling_sideways(browser, path, width):
    browser.open(path, width)
    assert browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert browser.run("return document.documentElement.clientWidth") <= width
