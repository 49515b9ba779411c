"""HTDemucs that Meta's researchers published, from the packages of demucs."""

from functools import partial

from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.roformers import NONE_STATED
from auralflow.pretrained.web import WebFile
from auralflow_core.config import Config, DatasetConfig, HTDemucs, TrainingConfig
from bridge.importers.demucs_package import read_published
from bridge.importers.demucs_settings import FURTHER

HOST = "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer"
SECONDS = 7.8  # of a segment
CREDIT = """\
Trained by Meta on MUSDB18-HQ and 800 songs of their own: Simon Rouard, Francisco Massa and Alexandre Défossez, "Hybrid
Transformers for Music Source Separation" (2022). No licence of the weights is stated; the code of demucs has the MIT
licence."""


def _describe(model: HTDemucs, file: WebFile, megabytes: float, quality: str, note: str = "") -> PretrainedModel:
    """A published package.

    Args:
        model: the network, with its name.
        file: the package.
        megabytes: of the package.
        quality: scores, with their source.
        note: another sentence for the credit.
    """
    config = Config(
        model=model, dataset=DatasetConfig(sample_length=SECONDS), training=TrainingConfig(**(model.TRAINING | FURTHER))
    )
    return PretrainedModel(
        name=model.model_name,
        config=config,
        files=(file,),
        read=partial(read_published, config=config),
        megabytes=megabytes,
        licence=NONE_STATED,
        credit=f"{CREDIT} {note}".strip(),
        origin="Meta; package demucs",
        quality=quality,
    )


HTDEMUCS = _describe(
    HTDemucs(model_name="htdemucs"),
    WebFile(f"{HOST}/955717e8-8726e21a.th", "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4"),
    84.1,
    "SDR 9.0 dB, mean of the targets (its authors, MUSDB18-HQ test); vocals 8.2, drums 10.9, bass 11.8, other 5.7 dB "
    "(MVSep, Multisong)",
)
HTDEMUCS_6S = _describe(
    HTDemucs(model_name="htdemucs_6s", width=0, targets=("bass", "drums", "guitar", "other", "piano", "vocals")),
    WebFile(f"{HOST}/5c90dfd2-34c22ccb.th", "34c22ccb381c6f9fdbf324f04e1e2fe21aaaf293f5ded163a162697ff9a02ddd"),
    55.0,
    "SDR vocals 8.1, drums 10.2, bass 11.2 dB (MVSep, Multisong)",
    "An experiment: its authors call the piano poor.",
)
HTDEMUCSES = (HTDEMUCS, HTDEMUCS_6S)
