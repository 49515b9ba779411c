"""The one file that chooses a framework: to separate, to score, to train."""

import importlib
import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError, MissingPackage, closest
from auralflow_core.exported.paths import is_exported
from auralflow_core.optional import needs

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from auralflow_core.config import Config
    from auralflow_core.ensembles.description import Description
    from auralflow_core.evaluation.track import FramewiseMetric, Score
    from auralflow_core.separation.separator import Separator

BACKENDS = ("jax", "torch")
METRICS = {
    "sdr": "SI-SDR and SDR of the whole track",
    "bss_eval": "these, and BSSEval's SDR, SIR, ISR and SAR",
    "museval": "these, with museval's own BSSEval",
}
WEIGHTS = ("float32", "float16", "int8")  # types in which exported files store them


class Exporter(NamedTuple):
    """A kind of file that models are exported to.

    Attributes:
        module: writes and reads these files; see `load_exporter`.
        suffix: of the files.
        packages: that make them.
        weights: the types in which they store weights.
    """

    module: str
    suffix: str
    packages: tuple[str, ...]
    weights: tuple[str, ...] = WEIGHTS[:1]

    @property
    def backend(self) -> str:
        """The framework that records the program."""
        return self.packages[0]


EXPORTERS = {
    "onnx": Exporter("auralflow_torch.export.onnx_file", ".onnx", ("torch", "onnx", "onnxruntime"), WEIGHTS),
    "stablehlo": Exporter("auralflow_jax.export.stablehlo", ".stablehlo", ("jax",)),
    "pt2": Exporter("auralflow_torch.export.pt2", ".pt2", ("torch",)),
    "tflite": Exporter(
        "auralflow_torch.export.tflite", ".tflite", ("torch", "litert_torch", "ai_edge_litert"), WEIGHTS
    ),
    "executorch": Exporter("auralflow_torch.export.executorch", ".pte", ("torch", "executorch")),
}


def load_separator(
    model: "str | Path | Description", backend: str = "jax", adapter: str | Path | None = None
) -> "Separator":
    """Loads a trained model; jax keeps on disk what it compiles.

    Args:
        model: a model folder, the JSON of an ensemble, an ensemble's description, or an exported file of ONNX or
            TensorFlow Lite.
        backend: one of `BACKENDS`; the weights are the same, whichever framework they were trained in. Exported files
            run in their own runtime.
        adapter: low-rank adapters of this model, see `auralflow_jax.load`.

    Raises:
        InputError: the folder holds no trained model, an ensemble's members do not fit each other, the adapter is of
            another model, or the backend is unknown.
        MissingPackage: the framework, or the file's runtime, is not installed.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown backend {backend!r}; {closest(str(backend), BACKENDS)}")
    if isinstance(model, str | Path) and is_exported(model):
        if adapter is not None:
            raise InputError(f"{model}: an exported model takes no adapter; the model that it was made from does")
        if Path(model).suffix.lower() == EXPORTERS["tflite"].suffix:
            from auralflow_core.exported.tflite_file import load as load_exported
        else:
            from auralflow_core.exported.onnx_file import load as load_exported
        return load_exported(model)
    with needs(backend):
        if backend == "torch":
            from auralflow_torch.loading import load, load_ensemble
            from auralflow_torch.separation import Separator

            check()  # these imports take seconds
            return Separator(
                load(model, adapter=adapter) if isinstance(model, str | Path) else load_ensemble(model, adapter=adapter)
            )
        from auralflow_jax.compilation_cache import enable_cache
        from auralflow_jax.loading import load, load_ensemble
        from auralflow_jax.separation import Separator

        check()
        enable_cache()
        return Separator(
            load(model, adapter=adapter) if isinstance(model, str | Path) else load_ensemble(model, adapter=adapter)
        )


def load_exporter(to: str) -> Any:
    """The module with the functions `write`, `describe`, `read_description` and `open_program` of a kind of file.

    Args:
        to: one of `EXPORTERS`.

    Raises:
        MissingPackage: a package that makes such files is not installed.
    """
    exporter = EXPORTERS[to]
    with needs(*exporter.packages, "onnxscript"):
        for package in exporter.packages:  # some are imported, slowly and not in silence, when a model is written
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(name=package)
        return importlib.import_module(exporter.module)


def load_metric(metrics: str) -> "FramewiseMetric | None":
    """The framewise metric of a name; None for `sdr`, which every evaluation has.

    Args:
        metrics: one of `METRICS`.

    Raises:
        InputError: the name is unknown.
        MissingPackage: the metric needs a package or program that is not installed.
    """
    if metrics not in METRICS:
        raise InputError(f"unknown metrics {metrics!r}; {closest(metrics, METRICS)}")
    # museval looks for ffmpeg as soon as it is imported.
    if metrics == "museval" and not (
        importlib.util.find_spec("museval") and shutil.which("ffmpeg") and shutil.which("ffprobe")
    ):
        raise MissingPackage(
            "the metrics museval need the package museval (pip install 'auralflow[eval]'), and ffmpeg and ffprobe on "
            "the PATH; bss_eval measures the same without them",
            name="museval",
        )
    return {"sdr": None, "bss_eval": _bss_eval, "museval": _museval}[metrics]


def train(
    folder: str | Path,
    datasets: str | Path | Sequence[str | Path],
    restart: bool = False,
    start_from: Sequence[str | Path] = (),
    console: "Console | None" = None,
) -> list[dict]:
    """Trains a model in jax, which keeps on disk what it compiles; see `auralflow_jax.train.train`.

    Raises:
        MissingPackage: jax is not installed.
    """
    with needs("jax"):
        from auralflow_jax import train as training
        from auralflow_jax.compilation_cache import enable_cache
    enable_cache()
    return training.train(folder, datasets, restart, start_from, console)


def weight_bytes(config: "Config") -> int:
    """The size of a model's weights, before it is made.

    Raises:
        MissingPackage: jax is not installed.
    """
    with needs("jax"):
        import jax

        from auralflow_jax.models.base import abstract_variables
    return sum(4 * leaf.size for leaf in jax.tree.leaves(abstract_variables(config)))


def training_history(folder: str | Path) -> list[dict]:
    """The history of the run in a model folder, of either framework; empty where none can be read.

    Returns:
        One dict for each epoch; see `plots.signals.training_curve_figure`.
    """
    from auralflow_core.model_folder import ModelFolder

    paths = ModelFolder(folder)
    try:
        if paths.last.exists():
            with needs("torch"):
                from auralflow_torch.train.checkpoint import read_history
        elif paths.steps:
            with needs("jax"):
                from auralflow_jax.train.checkpoint import read_history
        else:
            return []
        return read_history(paths)
    except (InputError, MissingPackage):
        return []


def _bss_eval(references: "Sequence[np.ndarray]", sample_rate: int) -> "Score":
    """BSSEval v4 in frames of one second: by jax where it is installed, else by torch, which takes longer."""
    from auralflow_core.evaluation.table import BSS_COLUMNS

    if importlib.util.find_spec("jax"):
        from auralflow_jax.compilation_cache import enable_cache
        from auralflow_jax.metrics import References

        enable_cache()
    else:
        with needs("torch"):
            from auralflow_torch.metrics import References
    prepared = References(references, sample_rate, sample_rate)

    def score(estimates: "Sequence[np.ndarray]") -> "list[dict[str, np.ndarray]]":
        scores = prepared.score(estimates)
        columns = {column: getattr(scores, column.removeprefix("bss_")) for column in BSS_COLUMNS}
        return [{column: frames[index] for column, frames in columns.items()} for index in range(len(estimates))]

    return score


def _museval(references: "Sequence[np.ndarray]", sample_rate: int) -> "Score":
    """The same by the package museval."""
    import museval
    import numpy as np

    from auralflow_core.evaluation.table import MUSEVAL_COLUMNS

    def score(estimates: "Sequence[np.ndarray]") -> "list[dict[str, np.ndarray]]":
        # No target's scores depend on the estimates of the other sources, but a silent one would void them all.
        both = (references, [*estimates, *references[len(estimates) :]])
        # (sources, samples, channels)
        stacks = (np.stack([signal.T for signal in signals]).astype(np.float64) for signals in both)
        found = museval.evaluate(*stacks, win=sample_rate, hop=sample_rate)
        scores: dict[str, np.ndarray] = dict(zip(("sdr", "isr", "sir", "sar"), found, strict=True))
        columns = {column: scores[column.removeprefix("museval_")] for column in MUSEVAL_COLUMNS}
        return [{column: frames[index] for column, frames in columns.items()} for index in range(len(estimates))]

    return score
