"""Published checkpoints of Music-Source-Separation-Training, as pretrained models."""

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.web import WebFile
from auralflow_core.config import Config, DatasetConfig, ModelConfig, TrainingConfig
from bridge.importers.msst import read_published
from bridge.importers.msst_groups import FURTHER

# The residual of these targets.
REST: dict[tuple[str, ...], str] = {("vocals",): "accompaniment", ("accompaniment",): "vocals"}
NONE_STATED = "none stated"
HOST = "https://huggingface.co"


def describe(
    name: str,
    model: ModelConfig,
    file: WebFile,
    segment: int,
    megabytes: float,
    licence: str,
    credit: str,
    quality: str,
    instruments: Sequence[str] = (),
) -> PretrainedModel:
    """A checkpoint of Music-Source-Separation-Training.

    Args:
        name: ours for it.
        model: the network.
        file: the checkpoint.
        segment: in samples.
        megabytes: of the checkpoint.
        licence: of the weights.
        credit: who made them, and the terms in full.
        quality: a score, with its source.
        instruments: the targets in the checkpoint's order; default: sorted.
    """
    config = Config(
        model=replace(model, residual_name=REST.get(model.targets, model.residual_name)),
        dataset=DatasetConfig(sample_length=segment / model.sample_rate),
        training=TrainingConfig(**(model.TRAINING | FURTHER)),
    )
    return PretrainedModel(
        name=name,
        config=config,
        files=(file,),
        read=partial(read_published, config=config, instruments=tuple(instruments) or model.targets),
        megabytes=megabytes,
        licence=licence,
        credit=credit,
        origin=file.url.removeprefix("https://").partition("/resolve/")[0],
        quality=quality,
    )
