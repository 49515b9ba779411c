"""The view of the studio's page that compares separations of one song, in a headless Chromium."""

import base64
import dataclasses
import io
import json

import chromium
import numpy as np
import pytest
import soundfile as sf
from studio_page import HELPERS, OFFLINE

from auralflow.studio.jobs import Job

pytestmark = [pytest.mark.skipif(chromium.PATH is None, reason="no Chromium is installed"), pytest.mark.slow]
RATE = 8000
MODELS = {"one": 1.0, "<b>two": 0.25}  # and how loud its stem is
OPEN = """
location.hash = '#/compare/ID';
await until(() => one('.compare[data-ready][data-matched]'));
const shown = () => all('.version span:not(.hint)').map(({textContent}) => textContent);
const heard = () => all('.version').findIndex(button => button.getAttribute('aria-pressed') === 'true');
const button = text => all('button').find(({textContent}) => textContent === text);
"""


@pytest.fixture(scope="module")
def compared(start, tmp_path_factory):
    """A studio with one song that two models separated; and its stems by model, float32 (samples, channels)."""
    folder, random = tmp_path_factory.mktemp("compared"), np.random.default_rng(0)
    song, stems = random.uniform(-0.2, 0.2, (12 * RATE, 2)).astype(np.float32), {}
    for number, (model, gain) in enumerate(MODELS.items(), 1):
        stems[model] = gain * random.uniform(-0.4, 0.4, song.shape).astype(np.float32)
        job = Job(f"song-{number:016x}", "song.wav", "A song", model, state="done", progress=1.0, created=number)
        job.stems, job.seconds, job.digest = ["vocals.wav"], 12.0, "a" * 64
        (folder / job.id / "stems").mkdir(parents=True)
        sf.write(folder / job.id / "stems" / "vocals.wav", stems[model], RATE, subtype="FLOAT")
        sf.write(folder / job.id / "song.wav", song, RATE, subtype="FLOAT")
        (folder / job.id / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
    return start(folder, "--no_open", name="studio"), stems


@pytest.fixture
def page(browser, compared):
    """Runs a script in the view, freshly loaded."""
    browser.visit("about:blank")
    browser.visit(compared[0].address())

    def run(script, before=""):
        return browser.run(
            HELPERS + "await until(() => one('.drop'));" + before + OPEN.replace("ID", "song-" + "1".zfill(16)) + script
        )

    return run


def test_versions_are_equally_loud_and_switch_in_place(page, compared):
    script = "at(1, () => key('2', {code: 'Digit2'})); press('Play'); return await render();"
    channels = page(script, OFFLINE.replace("SECONDS", "2"))
    sound = np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in channels], 1)
    one, two = compared[1].values()
    start = int(np.flatnonzero(np.abs(sound).max(axis=1))[0]) + 200  # behind the fade in
    lag = int(np.argmax(np.correlate(sound[:6000, 0], one[2000:4000, 0], "valid"))) - 2000
    # The loud version becomes as loud as the soft one: 20 log10(4) dB softer, up to what two noises differ by.
    before, after = np.arange(start, RATE - 200), np.arange(RATE + 400, 2 * RATE)
    gains = [
        np.sum(sound[at] * stem[at - lag]) / np.sum(stem[at - lag] ** 2) for at, stem in ((before, one), (after, two))
    ]
    assert gains[0] == pytest.approx(0.25, rel=0.02)
    assert gains[1] == pytest.approx(1, rel=0.001)
    np.testing.assert_allclose(sound[before], gains[0] * one[before - lag], atol=1e-5)
    np.testing.assert_allclose(sound[after], gains[1] * two[after - lag], atol=1e-5)


def test_a_blind_test_ends_in_votes(page):
    names, rounds, ends = page("""
        const names = shown(), rounds = [];
        button('Blind test').click();
        for (let number = 0; number < 3; number += 1) {
          rounds.push([one('.ballot h2').textContent, shown(), heard(), one('.loop').getAttribute('aria-pressed'),
            one('.compare').innerText.includes('dB\\n')]);
          button(number < 2 ? 'A is the best' : 'No difference').click();
        }
        button('End the test and show the votes').click();
        const table = all('.votes tr').map(row => [...row.children].map(({textContent}) => textContent));
        return [names, rounds, [shown(), one('.votes caption').textContent, table, all('.votes b').length]];
    """)
    assert names == [*MODELS, "The song"]
    for number, (head, letters, place, loop, _) in enumerate(rounds, 1):
        assert (head, letters) == (f"Round {number}: which is the best?", ["A", "B", "The song"])
        assert (place, loop) == (0, "true")
    shown, caption, table, markup = ends
    assert (shown, caption, markup) == (names, "vocals: a choice in 2 rounds; no difference in 1", 0)
    assert table[0] == ["Model", "Votes", "Share", "95 % interval"]
    assert {row[0] for row in table[1:]} == set(MODELS) and sum(int(row[1]) for row in table[1:]) == 2
    # Wilson's interval of 2 of 2 and of 0 of 2 begins and ends at 2 / (2 + z^2), and that of 1 of 2 is even.
    intervals = {"2": "34 % to 100 %", "1": "9 % to 91 %", "0": "0 % to 66 %"}
    assert all(row[3] == intervals[row[1]] for row in table[1:])


def test_true_stems_of_the_listener_are_compared_and_pictured(page, compared):
    buffer = io.BytesIO()
    sf.write(buffer, compared[1]["one"], RATE, format="WAV", subtype="PCM_16")
    data = base64.b64encode(buffer.getvalue()).decode()
    names, pictures, requests = page(f"""
        const bytes = Uint8Array.from(atob('{data}'), letter => letter.charCodeAt(0)), transfer = new DataTransfer();
        transfer.items.add(new File([bytes], 'Vocals.wav'));
        const input = one('input[aria-label="True stems"]');
        input.files = transfer.files;
        input.dispatchEvent(new Event('change'));
        await until(() => shown().includes('True stem') && one('.compare[data-matched]'));
        button('Show spectrograms').click();
        await until(() => all('.pictures canvas').length === 4);
        const data = canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const drawn = canvas => [canvas.getAttribute('aria-label'), new Set(data(canvas)).size > 20];
        const sent = performance.getEntriesByType('resource').filter(({{name}}) => !name.startsWith(location.origin));
        return [shown(), all('.pictures canvas').map(drawn), sent.length];
    """)
    assert names == [*MODELS, "True stem", "The song"] and requests == 0
    assert pictures == [[f"Spectrogram of {name}, 0:00 to 0:10", True] for name in names]


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_it_fits_and_every_control_has_a_name(browser, compared, width):
    browser.visit("about:blank")
    browser.visit(compared[0].address(), width)
    check = """
        const root = document.documentElement;
        const named = element => element.getAttribute('aria-label') || element.textContent.trim()
          || element.labels?.[0]?.textContent.trim();
        return [root.scrollWidth - root.clientWidth, all('button, a, input, select, summary').filter(one => !named(one))
          .map(one => one.outerHTML)];
    """
    listed = "location.hash = '#/compare'; await until(() => one('h1')?.textContent === 'Compare');"
    for script in (listed, OPEN.replace("ID", "song-" + "2".zfill(16)) + "button('Blind test').click();"):
        assert browser.run(HELPERS + "await until(() => one('main > *'));" + script + check) == [0, []]
