"""The studio's page when the server ends and comes back, songs are deleted, and people go back and forth."""

import signal

import chromium
import numpy as np
import pytest
from studio_page import HELPERS

pytestmark = [pytest.mark.skipif(chromium.PATH is None, reason="no Chromium is installed"), pytest.mark.slow]

RATE = 8000
LONG = 200 * RATE  # more than the page keeps in memory
FAULTS = "window.faults = []; addEventListener('unhandledrejection', ({reason}) => faults.push(String(reason)));"


@pytest.fixture
def library(tmp_path, known_song):
    """Twelve songs, of which the first is long."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (LONG, 1)).astype(np.float32)
    sounds = [noise, *[noise[: 10 * RATE]] * 11]
    return [
        known_song(tmp_path, k, f"Song {k}", RATE, {"bass": sound, "vocals": sound}, "flac")
        for k, sound in enumerate(sounds, 1)
    ]


@pytest.fixture
def page(browser, start, library, tmp_path):
    """Runs a script in the page of a studio of its own, which is at `page.server`."""

    class Page:
        server = start(tmp_path, "--no_open", name="studio")

        def __call__(self, script):
            return browser.run(HELPERS + script)

        def come_back(self):
            self.server = start(tmp_path, "--no_open", "--port", self.server.port, name="studio")

    page = Page()
    browser.visit("about:blank")
    browser.visit(page.server.address())
    page(FAULTS + "await until(() => all('.song').length === 12)")
    return page


def test_the_player_goes_on_when_the_server_is_back(page, library):
    page(f"await open('{library[0].id}'); await until(() => all('.wave canvas').every(({{width}}) => width !== 300))")
    page.server.end(signal.SIGKILL)
    said = page("""
        set('Position', '150');  // which is not in memory, and nothing plays
        await until(() => !one('.notice').hidden);
        await pause(1500);
        return [one('.notice').hidden, one('.notice').textContent];
    """)
    assert said == [False, "The server does not answer. Does it still run?"]
    page.come_back()
    assert (
        page("""
        await until(() => one('.player[data-ready]'));
        await until(() => one('.notice').hidden);
        key(' ');
        await until(() => Number(one('.position').value) > 150.3);
        return faults;
    """)
        == []
    )


def test_the_list_goes_on_when_the_server_is_back(page):
    page.server.end(signal.SIGKILL)
    page("await until(() => !one('.notice').hidden)")
    sorry = page("""
        location.hash = '#/compare';
        await until(() => one('.sorry'));
        return [one('.sorry').textContent.includes('does not answer'), document.activeElement.tagName];
    """)
    assert sorry == [True, "H1"]
    page.come_back()
    again = "all('button').find(({textContent}) => textContent === 'Try again').click();"
    assert page(again + "await until(() => all('.song').length === 12); return faults") == []


def test_a_song_that_is_deleted_while_it_plays_is_left(page, library):
    seen = page(f"""
        await open('{library[0].id}');
        key(' ');
        await until(() => Number(one('.position').value) > 0.3);
        await fetch('/api/jobs/{library[0].id}', {{method: 'DELETE'}});
        set('Position', '150');
        await until(() => one('.sorry'));
        const said = one('.sorry').textContent;
        key(' ');
        one('.sorry a').click();
        await until(() => all('.song').length === 11);
        return [said.includes('no longer in the library'), faults];
    """)
    assert seen == [True, []]


def test_back_and_forth(page, library):
    """The button "back" ends a question, and comes to where the list was; a new view begins at its title."""
    seen = page(f"""
        scrollTo(0, 400);
        location.hash = '#/song/{library[0].id}';
        await until(() => one('.player[data-ready]'));
        const seen = [scrollY, document.activeElement === one('h1'), document.title];
        history.back();
        await until(() => all('.song').length === 12);
        await pause(100);
        seen.push(scrollY);
        location.hash = '#/compare';
        await until(() => one('h1').textContent === 'Compare');
        location.hash = '#/';
        await until(() => one('.drop'));
        all('button[title=Delete]')[0].click();
        await until(() => one('dialog[open]'));
        history.back();
        await until(() => one('h1').textContent === 'Compare');
        return [...seen, all('dialog').length, faults];
    """)
    assert seen == [0, True, "Song 1 · auralflow studio", 400, 0, []]


def test_the_focus_stays_where_people_work(page, library):
    seen = page(f"""
        const names = all('.song h3').map(({{textContent}}) => textContent), seen = [];
        all('button[title=Delete]')[1].click();
        await until(() => one('dialog[open]'));
        one('dialog .danger').click();
        await until(() => all('.song').length === 11);
        await until(() => document.activeElement !== document.body);
        seen.push(document.activeElement.closest('.song').querySelector('h3').textContent === names[2]);
        await open('{library[0].id}');
        const summary = one('.export summary');
        summary.click();
        one('.export .primary').focus();
        one('.export .primary').click();
        seen.push(document.activeElement === one('.export .primary'));
        await until(() => one('.export .primary').ariaDisabled === 'false');
        seen.push(document.activeElement === one('.export .primary'));
        one('.export .primary').dispatchEvent(new KeyboardEvent('keydown', {{key: 'Escape', bubbles: true}}));
        seen.push(one('.export').open, document.activeElement === summary);
        one('.position').focus();
        const arrow = new KeyboardEvent('keydown', {{key: 'ArrowRight', bubbles: true, cancelable: true}});
        one('.position').dispatchEvent(arrow);
        return [...seen, one('.now').textContent, faults];
    """)
    assert seen == [True, True, True, False, True, "0:05.0", []]


def test_two_windows_show_the_same_songs(page, library):
    seen = page(f"""
        const other = window.open(location.href);
        await until(() => other.document?.querySelectorAll('.song').length === 12);
        await fetch('/api/jobs/{library[3].id}', {{method: 'DELETE'}});
        await until(() => all('.song').length === 11);
        await until(() => other.document.querySelectorAll('.song').length === 11);
        other.close();
        return faults;
    """)
    assert seen == []


def test_nothing_moves_for_those_who_ask_for_it(page, browser):
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    moving = "all('*').filter(element => parseFloat(getComputedStyle(element).transitionDuration) > 0).length"
    try:
        assert page(f"one('.song').append(document.createElement('progress')); return {moving}") == 0
    finally:
        browser.send("Emulation.setEmulatedMedia", features=[])


def test_it_can_be_used_at_twice_the_size(page, library, browser):
    """200 % of 1280 x 800 pixels: nothing to scroll to the right, and the bar leaves room for the stems."""
    browser.send("Emulation.setDeviceMetricsOverride", width=640, height=400, deviceScaleFactor=2, mobile=False)
    seen = page(f"""
        await open('{library[0].id}');
        one('.export summary').click();
        const root = document.documentElement;
        return [root.scrollWidth - root.clientWidth, getComputedStyle(one('.bar')).position];
    """)
    assert seen == [0, "static"]
