"""Takes pictures of the studio's page with a headless Chromium: `python docs/pictures/studio_page.py`.

It separates generated songs by the model that ships with auralflow, and pictures every view, light and dark, wide and
narrow.
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

from drawing import IMAGES
from PIL import Image

from auralflow.songs import make_songs

sys.path.append(str(Path(__file__).parents[2] / "tests" / "helpers"))
import chromium
from studio_server import Server

SEED = 77  # as in separation.py
MODEL = "auralflow-4stems"
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
        server = Server(Path(folder) / "library", "--no_open", "--model", MODEL, name="studio")
        try:
            asked = {"format": "flac", "model": MODEL}
            jobs = [server.send(path, name=name, **asked) for path, name in zip(mixtures, NAMES, strict=True)]
            (Path(folder) / "A note.mp3").write_text("no song")
            failing = server.send(Path(folder) / "A note.mp3", **asked)
            other = server.send(mixtures[0], name=NAMES[0], format="flac", model="spleeter-2stems")
            for job in (*jobs, failing, other):
                server.wait(job, "done", "failed", seconds=600)
            with chromium.started() as browser:
                picture_views(browser, server.address(), jobs[0]["id"])
        finally:
            server.end()


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


if __name__ == "__main__":
    main()
