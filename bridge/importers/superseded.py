"""Files of networks that newer ones surpass: refused by their names, in a sentence that says what to take instead."""

from pathlib import Path

from auralflow_core.errors import InputError

VOCALS = "melband-roformer-kim separates vocals better, and htdemucs bass, drums, other and vocals"
SPLEETER = "the pretrained model spleeter-2stems has Spleeter's weights for vocals and accompaniment"
TENSORFLOW = f"of a checkpoint of TensorFlow, as of Spleeter, which is not read: {SPLEETER}"
SUPERSEDED = {
    ".onnx": f"an ONNX graph, as of MDX-Net, which is not read: {VOCALS}",
    ".pth": f"a VR network of UVR, which is not read: {VOCALS}; or a state dict without settings, of which "
    "`auralflow convert to-jax` makes a model if a folder with its config.json is named",
    ".meta": TENSORFLOW,
    ".index": TENSORFLOW,
    ".data-00000-of-00001": TENSORFLOW,
    ".pb": f"a graph of TensorFlow, which is not read: {SPLEETER}",
    ".h5": f"a model of Keras, which is not read: {SPLEETER}",
}


def is_superseded(path: Path) -> bool:
    """Whether a file's name says that it is of `SUPERSEDED`."""
    return path.suffix in SUPERSEDED and path.is_file()


def refuse_superseded(path: Path) -> None:
    """Refuses such files.

    Raises:
        InputError: it is one.
    """
    if is_superseded(path):
        raise InputError(f"{path}: is {SUPERSEDED[path.suffix]}")
