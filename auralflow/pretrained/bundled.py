"""The models that are part of the package: each is a text about it, `weights/NAME.md`, and `NAME.safetensors`."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from auralflow.pretrained.download import PackagedFile
from auralflow.pretrained.model import PretrainedModel
from auralflow_core.weights.file import TORCH, read_tensors
from bridge.importers.rename import State

WEIGHTS = Path(__file__).parent / "weights"


def bundled(folder: Path = WEIGHTS) -> list[PretrainedModel]:
    """The models that have both files in a folder, by name."""
    files = (text.with_suffix(".safetensors") for text in sorted(folder.glob("*.md")))
    return [_describe(file) for file in files if file.exists()]


def read_packed(paths: Sequence[Path]) -> State:
    """The state dict in a file that `packing.pack` wrote.

    Raises:
        InputError: the file is damaged, or of another kind.
    """
    (path,) = paths
    return read_tensors(path, [TORCH]).tensors


def _describe(file: Path) -> PretrainedModel:
    """A file that `packing.pack` wrote, as a pretrained model."""
    packed = read_tensors(file, [TORCH], only_metadata=True)
    config, scores = packed.config, packed.provenance["si_sdr"]
    by_target = ", ".join(f"{target} {score:.1f}" for target, score in scores.items())
    return PretrainedModel(
        name=file.stem,
        # Settings for further training on other songs, in about half an hour on two cores.
        config=replace(
            config,
            training=replace(config.training, lr=1e-4, lr_schedule="cosine", max_epochs=15),
            dataset=replace(config.dataset, shares=(), samples_per_epoch=100),
        ),
        files=(PackagedFile(file),),
        read=read_packed,
        megabytes=file.stat().st_size / 1e6,
        licence="MIT",
        credit=file.with_suffix(".md").read_text(encoding="utf-8").strip(),
        origin="auralflow",
        quality=f"SI-SDR {by_target} dB (auralflow, the songs that validated its training, most of them generated)",
    )
