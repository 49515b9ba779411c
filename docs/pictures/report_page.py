"""Takes a picture of the report on generated songs, with a headless Chromium: `python docs/pictures/report_page.py`."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from drawing import IMAGES
from PIL import Image

from auralflow.api.evaluation import evaluate
from auralflow.pretrained import get_model
from auralflow.songs import make_songs

SEED = 77  # as in separation.py
WIDTH, HEIGHT, SCALE = 500, 620, 1.4  # of a window narrow enough that the picture can be read on a telephone


def main() -> None:
    """Evaluates the model that ships with auralflow on three songs, and pictures the page."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("the picture needs Chromium or Chrome on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        make_songs(Path(folder) / "songs", tracks=17, seconds=6, seed=SEED)
        model = get_model("auralflow-4stems", Path(folder) / "auralflow-4stems")
        page = evaluate(model, Path(folder) / "songs", metrics="sdr").page
        assert page is not None
        picture = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}"]
        subprocess.run([browser, *flags, *size, f"--screenshot={picture}", page.resolve().as_uri()], check=True)
        image = Image.open(picture).convert("RGB")
        image.quantize(64, dither=Image.Dither.NONE).save(IMAGES / "report.png", optimize=True)


if __name__ == "__main__":
    main()
