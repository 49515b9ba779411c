"""HTDemucs and HDemucs that Meta's researchers published, from the packages of demucs."""

from collections.abc import Sequence
from functools import partial

from auralflow.pretrained.checkpoints import NONE_STATED
from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.web import WebFile
from auralflow_core.config import Config, DatasetConfig, HDemucs, HTDemucs, TrainingConfig
from bridge.importers.demucs_bag import read_published_bag
from bridge.importers.msst_groups import FURTHER

HOST = "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer"
SECONDS = 7.8  # of a segment of HTDemucs
PAPER = """\
Simon Rouard, Francisco Massa and Alexandre Défossez, "Hybrid Transformers for Music Source Separation" (2022)"""
EARLIER_PAPER = 'Alexandre Défossez, "Hybrid Spectrogram and Waveform Source Separation" (2021)'
CREDIT = """\
Trained by Meta on MUSDB18-HQ and 800 songs of their own: {}. No licence of the weights is stated; the code of demucs
has the MIT licence."""


def _describe(
    model: HDemucs | HTDemucs,
    files: Sequence[tuple[str, str]],
    megabytes: float,
    quality: str,
    note: str = "",
    seconds: float = SECONDS,
    paper: str = PAPER,
) -> PretrainedModel:
    """A published package, or several that are averaged.

    Args:
        model: the network, with its name.
        files: the signature and SHA-256 of each package.
        megabytes: of all packages.
        quality: scores, with their source.
        note: another sentence for the credit.
        seconds: of a segment.
        paper: that describes the network.
    """
    config = Config(
        model=model, dataset=DatasetConfig(sample_length=seconds), training=TrainingConfig(**(model.TRAINING | FURTHER))
    )
    return PretrainedModel(
        name=model.model_name,
        config=config,
        files=tuple(WebFile(f"{HOST}/{name}-{digest[:8]}.th", digest) for name, digest in files),
        read=partial(read_published_bag, config=config),
        megabytes=megabytes,
        licence=NONE_STATED,
        credit=f"{CREDIT.format(paper)} {note}".strip(),
        origin="Meta; package demucs",
        quality=quality,
    )


HTDEMUCS = _describe(
    HTDemucs(model_name="htdemucs"),
    [("955717e8", "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4")],
    84.1,
    "SDR 9.0 dB, mean of the targets (its authors, MUSDB18-HQ test); vocals 8.2, drums 10.9, bass 11.8, other 5.7 dB "
    "(MVSep, Multisong)",
)
# Each member was trained further for one target, from which alone its estimate is taken.
FINE_TUNED = {
    "drums": ("f7e0c4bc", "ba3fe64ae8ef66ac9a4857222ce48efbdc5eb3ad375cb79dd13debee5aaa4066"),
    "bass": ("d12395a8", "e57c48e6b0e38af4f7118d7bd08c49f0a0c0edf7d09143bdd902ea0d237303e6"),
    "other": ("92cfc3b6", "ef3bcb9c8b40d14ae5d51b6db2587339cc12c6b77c0be151ce6d69002e087bf2"),
    "vocals": ("04573f0d", "f3cf25b222c4eed7cd49dd8b2c9597d50c18bd154090f7b919cfa5f93cf22c49"),
}
HTDEMUCS_FT = _describe(
    HTDemucs(
        model_name="htdemucs_ft",
        members=len(FINE_TUNED),
        member_shares=tuple(float(target == own) for own in FINE_TUNED for target in sorted(FINE_TUNED)),
    ),
    [*FINE_TUNED.values()],
    336.4,
    "SDR vocals 8.4, drums 11.1, bass 12.0, other 5.9 dB (MVSep, Multisong)",
    "Four networks, each trained further for one target, which take four times as long as one.",
)
HTDEMUCS_6S = _describe(
    HTDemucs(model_name="htdemucs_6s", width=0, targets=("bass", "drums", "guitar", "other", "piano", "vocals")),
    [("5c90dfd2", "34c22ccb381c6f9fdbf324f04e1e2fe21aaaf293f5ded163a162697ff9a02ddd")],
    55.0,
    "SDR vocals 8.1, drums 10.2, bass 11.2 dB (MVSep, Multisong)",
    "An experiment: its authors call the piano poor.",
)
HDEMUCS_MMI = _describe(
    HDemucs(model_name="hdemucs_mmi"),
    [("75fc33f5", "1941ce654b11df4132b9f4eae408556b4c83fad6fe26b4bc0dbcb36b975befb3")],
    167.3,
    "SDR 8.9 dB, mean of the targets (MVSep, Multisong)",
    seconds=44.0,
    paper=EARLIER_PAPER,
)
DEMUCSES = (HTDEMUCS, HTDEMUCS_FT, HTDEMUCS_6S, HDEMUCS_MMI)
