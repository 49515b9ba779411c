"""Takes pictures of the studio's page with a headless Chromium: `python docs/pictures/studio_page.py`.

It separates generated songs by the model that ships with auralflow, and pictures every view, light and dark, wide and
narrow.
"""

import base64
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from drawing import IMAGES
from PIL import Image

from auralflow.songs import make_songs

sys.path.append(str(Path(__file__).parents[2] / "tests" / "helpers"))
import chromium

SEED = 77  # as in separation.py
NAMES = ("Morning train", "Paper boats", "Northern line")
SIZES = {"wide": (1280, 800, 1.0), "narrow": (360, 760, 1.0)}  # width and height in pixels, and pixels of a pixel
READY = """
const until = async condition => { while (!condition()) await new Promise(done => setTimeout(done, 20)); };
"""
SONGS = "location.hash = '#/'; await until(() => document.querySelectorAll('.song').length === 5);"
PLAYER = """
location.hash = '#/song/ID';
await until(() => document.querySelector('.player[data-ready]'));
await until(() => [...document.querySelectorAll('.wave canvas')].every(canvas => canvas.width !== 300));
const set = (label, value, event) => {
  const input = document.querySelector(`input[aria-label="${label}"]`);
  input.value = value;
  input.dispatchEvent(new Event(event));
};
set('Loop from, seconds', '8', 'change');
set('Loop to, seconds', '14', 'change');
set('bass: level', '-4', 'input');
set('drums: pan', '0.25', 'input');
document.querySelector('button[aria-label="Mute other"]').click();
set('Position', '10', 'input');
await new Promise(done => setTimeout(done, 300));
"""
COMPARE = """
location.hash = '#/compare/ID';
await until(() => document.querySelector('.compare[data-ready][data-matched]'));
[...document.querySelectorAll('button')].find(({textContent}) => textContent === 'Show spectrograms').click();
await until(() => document.querySelectorAll('.compare canvas').length > 1);
await new Promise(done => setTimeout(done, 3000));
"""


def main() -> None:
    """Starts a studio, fills its library, and takes the pictures."""
    if chromium.PATH is None:
        sys.exit("the pictures need Chromium or Chrome on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        mixtures = generated(Path(folder) / "songs")
        with studio(Path(folder) / "library") as address:
            jobs = [send(address, path, name) for path, name in zip(mixtures, NAMES, strict=True)]
            (Path(folder) / "A note.mp3").write_text("no song")
            failing = send(address, Path(folder) / "A note.mp3", "A note.mp3")
            other = send(address, mixtures[0], NAMES[0], "spleeter-2stems")
            for job in (*jobs, failing, other):
                wait(address, job["id"])
            with chromium.started() as browser:
                picture_views(browser, address, jobs[0]["id"])


def picture_views(browser: chromium.Browser, address: str, id: str) -> None:
    """Writes a picture of each view in each size and scheme."""
    for view, script in {"songs": SONGS, "player": PLAYER, "compare": COMPARE}.items():
        for size, (width, height, scale) in SIZES.items():
            for scheme in ("light", "dark"):
                browser.visit("about:blank")
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                browser.send("Emulation.setEmulatedMedia", features=features)
                browser.visit(address, width)
                browser.run(READY + "localStorage.clear();" + script.replace("ID", id))
                whole = browser.run("return document.documentElement.scrollHeight")
                shape = {
                    "width": width,
                    "height": max(height, whole) if size == "narrow" or view == "compare" else height,
                }
                browser.send(
                    "Emulation.setDeviceMetricsOverride", **shape, deviceScaleFactor=scale, mobile=size == "narrow"
                )
                browser.run("await new Promise(done => setTimeout(done, 200))")
                data = base64.b64decode(browser.send("Page.captureScreenshot", format="png")["data"])
                image = Image.open(io.BytesIO(data)).convert("RGB")
                path = IMAGES / f"studio-{view}-{size}-{scheme}.png"
                image.quantize(48 if view == "compare" else 96, dither=Image.Dither.NONE).save(path, optimize=True)


def generated(folder: Path) -> list[Path]:
    """Mixtures of generated songs."""
    make_songs(folder, tracks=len(NAMES), seconds=24, seed=SEED)
    return sorted(folder.rglob("mixture.*"))[: len(NAMES)]


@contextlib.contextmanager
def studio(library: Path) -> Iterator[str]:
    """Runs `auralflow studio`; yields its address."""
    command = [sys.executable, "-m", "auralflow", "studio", "--no_open", "--port", "0", "--library", str(library)]
    process = subprocess.Popen([*command, "--model", "auralflow-4stems"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def send(address: str, song: Path, name: str, model: str = "auralflow-4stems") -> dict:
    """Sends a song; returns its job."""
    query = urllib.parse.urlencode({"name": name, "format": "flac", "model": model})
    return ask(f"{address}api/jobs?{query}", song.read_bytes())


def wait(address: str, id: str) -> None:
    """Waits until a song is separated."""
    while ask(f"{address}api/jobs/{id}")["state"] in ("queued", "running"):
        time.sleep(0.5)


def ask(address: str, data: bytes | None = None) -> dict:
    """An answer of the studio."""
    with urllib.request.urlopen(urllib.request.Request(address, data)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
