"""The models that come with auralflow: for each a text about it, `weights/NAME.md`, and `NAME.safetensors`."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from auralflow.pretrained.download import PackagedFile
from auralflow.pretrained.model import ReadyModel
from auralflow_core.weights.file import TORCH, read_tensors
from bridge.importers.rename import State

WEIGHTS = Path(__file__).parent / "weights"


def shipped(folder: Path = WEIGHTS) -> list[ReadyModel]:
    """The models of which a folder has both files, by name."""
    files = (text.with_suffix(".safetensors") for text in sorted(folder.glob("*.md")))
    return [_ready(file) for file in files if file.exists()]


def _ready(file: Path) -> ReadyModel:
    """What `packing.pack` has written, as a ready model."""
    packed = read_tensors(file, [TORCH], only_metadata=True)
    config, scores = packed.config, packed.provenance["si_sdr"]
    return ReadyModel(
        name=file.stem,
        # To go on with other songs for about half an hour on two cores.
        config=replace(
            config,
            training=replace(config.training, lr=1e-4, lr_schedule="cosine", max_epochs=15),
            dataset=replace(config.dataset, shares=(), samples_per_epoch=100),
        ),
        sources=(PackagedFile(file),),
        read=read_packed,
        megabytes=file.stat().st_size / 1e6,
        licence="MIT",
        credit=file.with_suffix(".md").read_text(encoding="utf-8").strip(),
        origin="auralflow",
        quality="SI-SDR "
        + ", ".join(f"{target} {score:.1f}" for target, score in scores.items())
        + " dB (the songs that validated its training)",
    )


def read_packed(paths: Sequence[Path]) -> State:
    """The state dict in a file of `packing.pack`.

    Raises:
        InputError: it is damaged, or of another kind.
    """
    (path,) = paths
    return read_tensors(path, [TORCH]).tensors
