"""The studio's page, in a headless Chromium."""

import base64
import io
import json
import subprocess
import sys

import chromium
import numpy as np
import pytest
import soundfile as sf
from studio_page import HELPERS, OFFLINE

pytestmark = [pytest.mark.skipif(chromium.PATH is None, reason="no Chromium is installed"), pytest.mark.slow]


@pytest.fixture
def page(browser, studio):
    """Runs a script in the page, freshly loaded."""
    browser.visit("about:blank")
    browser.visit(studio.address())
    browser.run(HELPERS + "await until(() => one('.drop'))")
    return lambda script: browser.run(HELPERS + script)


@pytest.fixture
def render(page):
    """Renders what the player plays after a script into float64 (samples, 2)."""

    def rendered(known, script, seconds=3):
        channels = page(
            OFFLINE.replace("SECONDS", str(seconds)) + f"await open('{known.id}'); {script}; return await render();"
        )
        return np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in channels], 1).astype(np.float64)

    return rendered


def decibels(error, reference):
    return 10 * np.log10(np.mean(error**2) / np.mean(reference**2))


def begin(sound):
    """The first sample that is heard, and the one behind the fade in."""
    first = int(np.flatnonzero(np.abs(sound).max(axis=1))[0])
    return first, first + 64


def test_stems_are_played_in_sync_to_the_sample(render, library):
    known = library[1]["noise"]
    sound = render(known, "press('Play')")
    _, start = begin(sound)
    lag = lag_of(sound, known.stems["drums"])
    for stem in known.stems.values():
        assert lag_of(sound, stem) == lag
    expected = sum(known.stems.values())[start - lag : len(sound) - lag]
    np.testing.assert_allclose(sound[start:], expected, atol=1e-6)


def lag_of(sound, stem):
    """The sample of the sound at which a stem begins."""
    part = stem[4000:12000, 0]
    return int(np.argmax(np.correlate(sound[:, 0], part, "valid"))) - 4000


def test_solo_and_mute_change_what_is_heard(render, library):
    known = library[1]["noise"]
    drums, bass = known.stems.values()
    sound = render(known, "press('Play'); at(1, () => press('Solo drums')); at(2, () => press('Mute drums'))")
    lag = lag_of(sound, drums)
    rms = [np.sqrt(np.mean(sound[part] ** 2)) for part in (slice(1000, 8000), slice(8800, 16000), slice(16800, 24000))]
    both, alone = (np.sqrt(np.mean(audio**2)) for audio in (drums + bass, drums))
    assert rms[0] == pytest.approx(both, rel=0.02)
    assert rms[1] == pytest.approx(alone, rel=0.02)
    assert rms[2] < 1e-6
    np.testing.assert_allclose(sound[8800:16000], drums[8800 - lag : 16000 - lag], atol=1e-6)


def test_a_loop_stays_in_its_region(render, library):
    known = library[1]["noise"]
    sound = render(known, "set('Loop to, seconds', '1.75'); set('Loop from, seconds', '1.25'); press('Play')")
    region = sum(known.stems.values())[10000:14000]
    first, _ = begin(sound)
    laps = sound[first : first + 4 * 4000].reshape(4, 4000, 2)
    for lap in laps:
        inner = slice(100, 3900)
        assert decibels(lap[inner] - region[inner], region[inner]) < -60
        assert np.abs(lap).max() <= np.abs(region).max() + 1e-6


def test_three_quarters_of_the_speed_keep_the_pitch(render, library):
    known = library[1]["sine"]
    sound = render(known, "set('Speed', '0.75'); press('Play')", 5)[:, 0]
    steady = sound[44100 : 44100 * 4]
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 1 << 20))
    pitch = np.argmax(spectrum) * known.rate / (1 << 20)
    assert abs(1200 * np.log2(pitch / 440)) < 5
    assert np.sqrt(np.mean(steady**2)) == pytest.approx(np.sqrt(0.125), rel=0.1)


def test_the_exported_mix_is_the_one_that_is_heard(render, page, studio, library):
    known = library[1]["noise"]
    settings = "set('drums: level', '-6'); set('drums: pan', '-0.5'); set('bass: level', '-12'); set('bass: pan', '1');"
    sound = render(known, settings + "press('Play')")
    page(
        f"await open('{known.id}'); {settings} one('.export summary').click();"
        "one('.export .primary').click(); await until(() => one('.export .primary').ariaDisabled === 'false');"
    )
    status, _, body = studio.ask("GET", f"/api/jobs/{known.id}/mix/wav")
    assert status == 200
    mix = np.frombuffer(body[-known.stems["drums"].size * 4 :], "<f4").reshape(-1, 2)
    drums, bass = known.stems.values()
    half, six, twelve = np.sqrt(0.5), 10 ** (-6 / 20), 10 ** (-12 / 20)
    left = six * (drums[:, 0] + half * drums[:, 1])
    right = six * half * drums[:, 1] + twelve * (bass[:, 0] + bass[:, 1])
    expected = np.stack([left, right], 1)
    assert decibels(mix - expected, expected) < -90
    lag = lag_of(sound, expected)
    _, start = begin(sound)
    part = expected[start - lag : len(sound) - lag]
    assert decibels(sound[start:] - part, part) < -90


def test_speed_and_key_are_in_the_exported_mix(page, studio, library):
    known = library[1]["sine"]
    page(
        f"await open('{known.id}'); set('Speed', '0.75'); set('Key', '3'); one('.export summary').click();"
        "one('.export select').value = 'flac'; one('.export .primary').click();"
        "await until(() => one('.export .primary').ariaDisabled === 'false');"
    )
    audio, rate = sf.read(io.BytesIO(studio.ask("GET", f"/api/jobs/{known.id}/mix/flac")[2]))
    assert audio.shape == (len(known.stems["piano"]) / 0.75, 2)
    steady = audio[44100 : 44100 * 6, 0]
    pitch = np.argmax(np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 1 << 20))) * rate / (1 << 20)
    assert abs(1200 * np.log2(pitch / 440) - 300) < 10
    assert np.sqrt(np.mean(steady**2)) == pytest.approx(np.sqrt(0.125), rel=0.1)


def test_it_plays_and_is_used_with_keys_alone(page, library):
    known = library[1]["sine"]
    seen = page(f"""
        await open('{known.id}');
        const position = () => Number(one('.position').value), seen = [];
        key(' ');
        await until(() => position() > 0.3);
        seen.push(one('.play').getAttribute('aria-label'));
        key(' ');
        await until(() => one('.play').getAttribute('aria-label') === 'Play');
        const still = position();
        await pause(200);
        seen.push(Math.abs(position() - still) < 0.2);
        key('Home');
        key('ArrowRight');
        seen.push(position());
        key('[');
        key('ArrowRight', {{shiftKey: true}});
        key(']');
        seen.push(all('.time').map(input => input.value), one('.loop').getAttribute('aria-pressed'));
        key('l');
        seen.push(one('.loop').getAttribute('aria-pressed'));
        key('1', {{code: 'Digit1'}});
        key('1', {{code: 'Digit1', shiftKey: true}});
        seen.push(all('.lane .toggle').map(button => button.getAttribute('aria-pressed')));
        seen.push(all('.lane[data-silent]').length);
        key('End');
        seen.push(position());
        return seen;
    """)
    assert seen == ["Pause", True, 5, ["5.00", "6.00"], "true", "false", ["true", "true"], 1, 6]


def test_from_a_dropped_song_to_its_stems(browser, serve, tmp_path, song):
    studio = serve(tmp_path / "library", "--no_open", name="studio")
    browser.visit(studio.address())
    data = base64.b64encode(song.read_bytes()).decode()
    seen = browser.run(
        HELPERS
        + f"""
        await until(() => one('.drop'));
        const bytes = Uint8Array.from(atob('{data}'), letter => letter.charCodeAt(0)), transfer = new DataTransfer();
        transfer.items.add(new File([bytes], {json.dumps(song.name)}));
        one('.drop').dispatchEvent(new DragEvent('drop', {{dataTransfer: transfer, bubbles: true, cancelable: true}}));
        await until(() => one('.song'));
        const states = new Set();
        await until(() => states.add(one('.song')?.dataset.state).has('done') || states.has('failed'));
        const title = one('.song h3').textContent;
        one('.song .button').click();
        await until(() => one('.player[data-ready]'));
        const stems = all('.lane h2').map(({{textContent}}) => textContent);
        await until(() => all('.wave canvas').every(canvas => canvas.width > 300));
        location.hash = '#/';
        await until(() => one('.song'));
        one('button[title=Delete]').click();
        await until(() => one('dialog[open]'));
        one('dialog .danger').click();
        await until(() => !one('.song'));
        return [[...states].at(-1), title, stems, all('h1 b, h3 b, dialog').length];
    """
    )
    assert seen[0] == "done"
    assert seen[1] == song.stem
    assert len(seen[2]) >= 1
    assert seen[3] == 0
    assert studio.get("/api/jobs") == []


def test_a_song_is_cancelled_in_the_page(browser, serve, tmp_path, long_song):
    studio = serve(tmp_path / "library", "--no_open", name="studio")
    studio.wait(studio.send(long_song), "running")
    browser.visit(studio.address())
    took = browser.run(
        HELPERS
        + """
        await until(() => one('.song[data-state=running] button[title=Cancel]'));
        const start = performance.now();
        one('.song button[title=Cancel]').click();
        await until(() => one('.song[data-state=cancelled]'));
        return performance.now() - start;
    """
    )
    assert took < 6000  # on an idle machine it is under two seconds


def test_names_are_text_and_nothing_comes_from_elsewhere(page, studio, library):
    name = studio.get(f"/api/jobs/{library[1]['noise'].id}")["name"]
    shown, made, addresses, refused = page(f"""
        const refused = [];
        document.addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));
        await until(() => all('.song').length === 4);
        const list = all('.song h3').map(({{textContent}}) => textContent);
        await open('{library[1]["noise"].id}');
        const made = all('img:not([src$="icon.svg"]), h1 b, h3 b, script:not([src])').length;
        const inline = document.createElement('script');
        inline.textContent = 'window.broken = true';
        document.body.append(inline);
        fetch('http://127.0.0.1:9/').catch(() => {{}});
        new Image().src = 'http://127.0.0.1:9/picture.png';
        try {{ Function('window.broken = true')(); }} catch {{}}
        await until(() => refused.length === 4);
        const addresses = performance.getEntriesByType('resource').map(({{name}}) => name);
        return [[...list, one('h1').textContent], made + (window.broken ? 1 : 0), addresses, refused.sort()];
    """)
    assert shown.count(name) == 2
    assert made == 0
    assert refused == ["connect-src", "img-src", "script-src", "script-src-elem"]
    assert len(addresses) > 5
    assert all(address.startswith((studio.address(), "http://127.0.0.1:9/")) for address in addresses)


def test_what_another_window_deletes_and_what_cannot_be_played(browser, start, known_song, tmp_path):
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (8000, 6)).astype(np.float32)
    wide = known_song(tmp_path, 1, "Six channels", 8000, {"vocals": noise})
    other = known_song(tmp_path, 2, "Stereo", 8000, {"bass": noise[:, :2], "drums": noise[:, :2]})
    studio = start(tmp_path, "--no_open", name="studio")
    browser.visit(studio.address())
    seen = browser.run(
        HELPERS
        + f"""
        const shown = async id => {{
          location.hash = '#/song/' + id;
          await until(() => one('.sorry'));
          const {{textContent}} = one('.sorry [role=alert]'), links = all('.sorry ul a').map(link => link.textContent);
          location.hash = '#/constructor';
          await until(() => all('.song').length === 2);
          return [textContent, ...links];
        }};
        await until(() => all('.song').length === 2);
        const seen = await shown('{wide.id}');
        Object.defineProperty(window, 'isSecureContext', {{value: false}});
        seen.push(...await shown('{other.id}'));
        await fetch('/api/jobs/{wide.id}', {{method: 'DELETE'}});
        await until(() => all('.song').length === 1);
        return seen;
    """
    )
    assert seen == [
        "vocals.wav has 6 channels; mono and stereo can be played here.",
        "vocals",
        "Browsers play stems only on the server's own computer, or over HTTPS.",
        "bass",
        "drums",
    ]


@pytest.mark.parametrize("width", [360, 1280])
def test_every_view_fits_and_every_control_has_a_name(browser, studio, library, width):
    browser.visit("about:blank")
    browser.visit(studio.address(), width)
    for view in ("location.hash = '#/'; await until(() => one('.song'))", f"await open('{library[1]['noise'].id}')"):
        wide, nameless = browser.run(
            HELPERS
            + view
            + """
            const root = document.documentElement;
            const named = element => element.getAttribute('aria-label') || element.textContent.trim()
              || element.labels?.[0]?.textContent.trim();
            const nameless = all('button, a, input, select, summary').filter(element => !named(element));
            return [root.scrollWidth - root.clientWidth, nameless.map(element => element.outerHTML)];
        """
        )
        assert wide == 0
        assert nameless == []


def test_other_computers_open_it_with_the_token(browser, start, tmp_path):
    studio = start(tmp_path, "--no_open", "--host", "0.0.0.0", name="studio")
    browser.visit(studio.lines[0].split()[-1].replace("0.0.0.0", "127.0.0.1"))
    address = browser.run(HELPERS + "await until(() => one('.drop')); await pause(100); return location.href")
    assert address == studio.address()
    assert studio.ask("GET", "/studio.js")[0] == 401  # for whoever has no token


def test_a_song_that_there_is_not_is_a_sentence(page):
    assert "there is no song" in page(
        "location.hash = '#/song/nothing'; await until(() => one('.sorry')); return one('.sorry').textContent"
    )


def test_the_command_opens_the_browser(tmp_path):
    """With $BROWSER, as users name theirs: a program that notes what it is asked to show."""
    told, program = tmp_path / "told.txt", tmp_path / "browser.py"
    program.write_text(f"#!{sys.executable}\nimport sys\nopen({str(told)!r}, 'w').write(sys.argv[1])\n")
    program.chmod(0o755)
    code = f"import os; os.environ['BROWSER'] = {str(program)!r}; from auralflow.studio.server import show; "
    code += "show('http://0.0.0.0:8765/?token=abc')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert told.read_text() == "http://127.0.0.1:8765/?token=abc"
