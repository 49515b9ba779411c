"""Open-Unmix's published models."""

from collections.abc import Mapping

from auralflow.pretrained.download import WebFile
from auralflow.pretrained.model import PretrainedModel
from auralflow_core.config import Config, DatasetConfig, OpenUnmix, TrainingConfig
from bridge.importers.open_unmix import TARGETS, read_open_unmix

CREDIT = """\
Fabian-Robert Stöter, Stefan Uhlich, Antoine Liutkus and Yuki Mitsufuji, "Open-Unmix - a reference implementation for
music source separation", Journal of Open Source Software 4 (2019). {training}

One recurrent network for each target sees magnitudes up to 16 kHz. The authors' scores are for estimates that a
multichannel Wiener filter has refined."""


def _describe(
    name: str,
    record: str,
    digests: Mapping[str, str],
    hidden_size: int,
    megabytes: float,
    licence: str,
    training: str,
    sdr: str,
) -> PretrainedModel:
    """One of the three published models, which differ in size, data and terms.

    Args:
        name: the authors' name for it.
        record: number of the record at zenodo.org that holds the files.
        digests: target -> SHA-256, or its first eight digits, which are part of the file's name.
        hidden_size: of the network.
        megabytes: of the weights.
        licence: of the weights.
        training: the data, and the terms in full.
        sdr: the published scores.
    """
    files = (
        WebFile(f"https://zenodo.org/records/{record}/files/{target}-{digests[target][:8]}.pth", digests[target])
        for target in TARGETS
    )
    return PretrainedModel(
        name=name,
        config=Config(
            model=OpenUnmix(model_name=name, targets=TARGETS, hidden_size=hidden_size),
            dataset=DatasetConfig(sample_length=12.0),  # twice the length of its training: the memory runs both ways
            training=TrainingConfig(lr=1e-4),
        ),
        files=tuple(files),
        read=read_open_unmix,
        megabytes=megabytes,
        licence=licence,
        credit=CREDIT.format(training=training),
        origin=f"Open-Unmix; zenodo.org, record {record}",
        quality=f"SDR {sdr} dB (the authors, MUSDB18 test)",
    )


UMX = _describe(
    "umx",
    "3370486",
    {"bass": "646024d3", "drums": "5a48008b", "other": "f8e132cc", "vocals": "c8df74a5"},
    512,
    142.4,
    "MIT",
    "Trained on MUSDB18, whose songs are band-limited to 16 kHz. Weights: MIT licence.",
    "vocals 6.32, drums 5.73, bass 5.23, other 4.02",
)
UMXHQ = _describe(
    "umxhq",
    "3370489",
    {
        "bass": "8d85a5bd",
        "drums": "9619578f885c54737cb0234f9f9a4a679ee4f31438fd77fd1dbe02bb16c2da0a",
        "other": "b52fbbf7",
        "vocals": "b62c91cedbc7a066f1778ead5b5cecb377aa3a46a31af1cce7c5c8769339d083",
    },
    512,
    142.4,
    "MIT",
    "Trained on MUSDB18-HQ. Weights: MIT licence.",
    "vocals 6.25, drums 6.04, bass 5.07, other 4.28",
)
UMXL = _describe(
    "umxl",
    "5069601",
    {"bass": "2ca1ce51", "drums": "69e0ebd4", "other": "c8c5b3e6", "vocals": "bccbd9aa"},
    1024,
    452.7,
    "CC BY-NC-SA 4.0",
    "Trained on a private collection of stems. Weights: Creative Commons Attribution-NonCommercial-ShareAlike 4.0, so "
    "not for commercial use.",
    "vocals 7.21, drums 7.15, bass 6.02, other 4.89",
)
