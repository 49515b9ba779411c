"""Files of networks that newer ones surpass: refused by their names, in a sentence that says what to take instead."""

from pathlib import Path

from auralflow_core.errors import InputError

VOCALS = "melband-roformer-kim separates vocals better, and htdemucs bass, drums, other and vocals"
SPLEETER = "the pretrained model spleeter-2stems has Spleeter's weights for vocals and accompaniment"
TENSORFLOW = f"of a checkpoint of TensorFlow, as of Spleeter, which is not read: {SPLEETER}"
VR = b"stg1_"  # how names of tensors in VR networks begin
LISTED = 2**20  # bytes in which the names stand, in both formats of torch
SUPERSEDED = {
    ".onnx": f"an ONNX graph, as of MDX-Net, which is not read: {VOCALS}; of `auralflow export`, if it is damaged",
    ".pth": f"a VR network of UVR, which is not read: {VOCALS}",
    ".meta": TENSORFLOW,
    ".index": TENSORFLOW,
    ".data-00000-of-00001": TENSORFLOW,
    ".pb": f"a graph of TensorFlow, which is not read: {SPLEETER}",
    ".h5": f"a model of Keras, which is not read: {SPLEETER}",
}


def is_superseded(path: Path) -> bool:
    """Whether a file is of `SUPERSEDED`, by its name; of `.pth`, as all state dicts can be called, by its tensors."""
    if path.suffix not in SUPERSEDED or not path.is_file():
        return False
    return path.suffix != ".pth" or VR in _start(path)


def refuse_superseded(path: Path) -> None:
    """Refuses such files.

    Raises:
        InputError: it is one.
    """
    if is_superseded(path):
        raise InputError(f"{path}: is {SUPERSEDED[path.suffix]}")


def _start(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(LISTED)
