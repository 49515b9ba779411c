"""The page of a listening test, in a headless Chromium."""

import json
import time

import chromium
import numpy as np
import pytest
from html_page import Page

from auralflow.listening import page
from auralflow.listening.page import write_test
from auralflow.listening.results import read_sessions
from auralflow.listening.stimuli import make_trial
from auralflow.report import Example
from auralflow_core.errors import InputError

RATE, SECONDS, SWITCH = 8000, 1.0, 0.6
SYSTEMS = {"one": "<b>one</b>", "two": "</script><script>document.title='two'</script>"}
LETTERS = "ABCDE"

HELPERS = """
const until = async condition => {
  for (const end = Date.now() + 30000; !condition(); await new Promise(done => setTimeout(done, 5)))
    if (Date.now() > end) throw Error('waited too long for ' + condition);
};
const ready = () => until(() => !find('trial').hidden && !find('play').disabled);
const press = key => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
const start = name => { find('name').value = name; find('start').requestSubmit(); return ready(); };
const sliders = () => [...document.querySelectorAll('#rows input')];
const move = (slider, value) => { slider.value = value; slider.oninput(); };
const place = stimulus => rows().findIndex(row => row.stimulus === stimulus);
"""
OFFLINE = chromium.offline(RATE)


@pytest.fixture(scope="module")
def trials():
    """Two pages of noise, every version another one."""
    signals = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4, 1, int(RATE * SECONDS))).astype(np.float32)
    names = ("Mixture", *SYSTEMS, "Reference")
    examples = [
        Example(f"song {index}", "vocals", dict(zip(names, versions, strict=True)), RATE)
        for index, versions in enumerate(signals)
    ]
    return [make_trial(example, SYSTEMS) for example in examples]


@pytest.fixture(scope="module")
def path(tmp_path_factory, trials):
    path = tmp_path_factory.mktemp("page") / "test.html"
    assert write_test(path, trials) == (2, path.stat().st_size)
    return path


@pytest.fixture
def run(browser, path):
    """Runs a script in the page, freshly loaded by a browser that has kept nothing."""
    browser.open(path)
    browser.run("localStorage.clear()")
    browser.open(path)
    return lambda script: browser.run(HELPERS + script)


def test_a_listener_goes_through_the_test_and_saves_a_file_that_counts(run, browser, tmp_path):
    browser.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    orders, shown, refused, names = run("""
        await start('  Ann B. ');
        const orders = [], shown = [], refused = [];
        for (let number = 0; number < 2; number += 1) {
          await until(() => find('heading').textContent.startsWith('Page ' + (number + 1)) && !find('play').disabled);
          shown.push(document.body.innerText);
          orders.push(rows().map(row => row.stimulus));
          press('p');
          for (const letter of 'ABC') press(letter);
          move(sliders()[0], 1);
          find('next').click();
          refused.push(find('missing').textContent);
          press('d');
          press('E');
          sliders().forEach((slider, index) => move(slider, rows()[index].stimulus ? 10 * rows()[index].stimulus : 95));
          sliders()[place(4)].value = 0;  // a key that cannot move it
          sliders()[place(4)].dispatchEvent(new KeyboardEvent('keyup', {key: 'Home'}));
          find('next').click();
        }
        await until(() => !find('end').hidden);
        find('save').click();
        return [orders, shown, refused, document.title];
    """)
    assert names == "Listening test" and [sorted(order) for order in orders] == [[0, 1, 2, 3, 4]] * 2
    for text, message in zip(shown, refused, strict=True):
        assert not any(word in text.lower() for word in ("one", "two", "anchor", "mixture", "song"))
        assert message == "not heard yet: D, E; not rated yet: B, C, D, E"
    deadline = time.monotonic() + 10
    while not (files := list(tmp_path.glob("listening-Ann-B-*.json"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    [session], problems = read_sessions(files)
    assert problems == [] and session.listener == "Ann B." and session.device == "headphones"
    assert sorted(trial.track for trial in session.trials) == ["song 0", "song 1"]
    for trial in session.trials:
        assert {(rating.name, rating.kind): rating.rating for rating in trial.ratings} == {
            ("Reference", "reference"): 95,
            ("Low-pass anchor", "anchor"): 10,
            ("Mixture", "anchor"): 20,
            (SYSTEMS["one"], "system"): 30,
            (SYSTEMS["two"], "system"): 0,
        }


def rendered(run, script):
    """What is heard in three seconds: the script runs before, and `at(seconds, action)` in it meanwhile."""
    return run(
        OFFLINE
        + """
        await start('Ann');
        const at = (seconds, action) => rendered.suspend(seconds).then(() => {
          action();
          OfflineAudioContext.prototype.resume.call(rendered);
        });
    """
        + script
        + """
        press('p');
        const buffer = await rendered.startRendering();
        return [state.order[0].trial, JSON.stringify([...buffer.getChannelData(0)])];
    """
    )


def test_sounds_switch_in_place_to_the_sample_and_go_round(run, trials):
    trial, sound = rendered(run, f"at({SWITCH}, () => press(LETTERS[place(3)]));")
    sound = np.array(json.loads(sound))
    reference, *_, one, _ = (audio[0] for *_, audio in trials[trial].stimuli)
    lag = int(np.argmax(np.correlate(sound[:4000], reference[:2000], "valid")))
    switch, loop = int(SWITCH * RATE), int(SECONDS * RATE)
    assert 0 < lag < 0.1 * RATE and not sound[:lag].any()
    np.testing.assert_allclose(sound[lag : switch - 128], reference[: switch - 128 - lag], atol=1e-4)
    after = np.arange(switch + 800, 3 * RATE)  # after a fade of some milliseconds, and across the seams of the loop
    np.testing.assert_allclose(sound[after], one[(after - lag) % loop], atol=1e-3)


def test_a_loop_stays_in_its_region(run, trials):
    trial, sound = rendered(
        run,
        """
        Object.assign(find('from'), {value: 0.25}).oninput();
        Object.assign(find('to'), {value: 0.5}).oninput();
    """,
    )
    sound, reference = np.array(json.loads(sound)), trials[trial].stimuli[0].audio[0]
    begin, length = int(0.25 * SECONDS * RATE), int(0.25 * SECONDS * RATE)
    lag = int(np.argmax(np.correlate(sound[:2000], reference[begin : begin + 1000], "valid")))
    heard = np.arange(lag, 3 * RATE)
    np.testing.assert_allclose(sound[heard], reference[begin + (heard - lag) % length], atol=1e-4)


def test_controls_tell_what_they_do(run):
    assert run("""
        await start('Ann');
        const seen = [find('play').textContent, document.activeElement.id];
        const pressed = () => [...document.querySelectorAll('[aria-pressed=true]')].map(item => item.textContent);
        find('letters').checked = false;
        press('b');
        seen.push(pressed());
        find('letters').checked = true;
        press('b');
        seen.push(pressed());
        find('play').click();
        seen.push(find('play').textContent);
        await until(() => find('seek').value > 0.1);
        find('play').click();
        seen.push(find('play').textContent);
        Object.assign(find('from'), {value: 0.8}).oninput();
        Object.assign(find('to'), {value: 0.5}).oninput();
        seen.push(Math.round(100 * (find('to').value - find('from').value)));
        move(sliders()[0], 80);
        seen.push(sliders()[0].getAttribute('aria-valuetext'), sliders()[1].getAttribute('aria-valuetext'));
        const named = item => item.labels?.length || item.getAttribute('aria-label') || item.textContent.trim();
        seen.push([...document.querySelectorAll('button, input, select')].filter(item => !named(item)).length);
        return seen;
    """) == ["Play", "heading", ["Reference"], ["B"], "Pause", "Play", 5, "80, excellent", "not rated", 0]


def test_a_reload_loses_nothing(run, browser, path):
    before = run("""
        await start('Ann');
        press('p');
        for (const letter of 'ABCDE') press(letter);
        sliders().forEach((slider, index) => move(slider, 11 * (index + 1)));
        return JSON.stringify(state.order);
    """)
    browser.open(path)
    assert browser.run(
        HELPERS
        + """
        const who = find('who').textContent;
        find('continue').click();
        await ready();
        return [who, JSON.stringify(state.order), sliders().map(slider => slider.valueAsNumber)];
    """
    ) == ["Ann", before, [11, 22, 33, 44, 55]]


def test_the_page_may_ask_nothing_of_the_network(run, path):
    assert run("""
        const refused = [];
        document.addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));
        fetch('http://127.0.0.1:9/').catch(() => {});
        new Image().src = 'http://127.0.0.1:9/picture.png';
        await until(() => refused.length === 2);
        return refused.sort();
    """) == ["connect-src", "img-src"]
    source = path.read_text()
    assert "http:" not in source and "https:" not in source and "url(" not in source
    assert not any(attributes.keys() & {"src", "href"} for _, attributes in Page(path).tags)


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_windows_of_any_width_need_no_scrolling_sideways(browser, path, width):
    browser.open(path, width)
    browser.run("localStorage.clear()")
    browser.open(path, width)
    script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.run(script) == 0
    assert browser.run(HELPERS + "await start('Ann'); sliders().forEach(slider => move(slider, 100));" + script) == 0
    assert browser.run("finish();" + script) == 0


def test_a_page_stays_small_enough_to_be_sent(trials, tmp_path, monkeypatch):
    path = tmp_path / "test.html"
    whole = write_test(path, trials)[1]
    one = write_test(path, trials[:1])[1]
    monkeypatch.setattr(page, "LARGEST", int(1.5 * (whole - one)))
    number, size = write_test(path, [*trials, *trials])
    assert number == 1 and size == path.stat().st_size < whole
    with pytest.raises(InputError, match="needs a target that is heard"):
        write_test(path, [])
