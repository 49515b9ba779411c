"""Open-Unmix's published models."""

from collections.abc import Mapping

from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.web import WebFile
from auralflow_core.config import Config, DatasetConfig, OpenUnmix, TrainingConfig
from bridge.importers.open_unmix import TARGETS, read_open_unmix

CREDIT = """\
Fabian-Robert Stöter, Stefan Uhlich, Antoine Liutkus and Yuki Mitsufuji, "Open-Unmix - a reference implementation for
music source separation", Journal of Open Source Software 4 (2019). {training}

One recurrent network for each target sees magnitudes up to 16 kHz. The authors' scores are for estimates that a
multichannel Wiener filter has refined."""

# By the first digits of the SHA-256: the checksums by which Arch Linux's packages of these weights are made. Of umxl
# only those first digits are published.
SHA512 = {
    "646024d3": (
        "159f541e0e21fcd9505d2cf4e6ec2623fb6850bdde2bcd84537f1060ba26e372"
        "a9e43c1d1bbd3d4da6cb75f7d40993fde69e3e7bc48fb83775634948889cce37"
    ),
    "5a48008b": (
        "316fadd245217df8f5031ac0d5c5b9686abd262bf62cd686891672157a88805c"
        "57aa11d43eb85d985b757ec801911f6426e92fc4c9282553f1b8506c0ef55e93"
    ),
    "f8e132cc": (
        "19e77e74e5cf2311dcd74733e0d8dd63c3a8b9fab9282017661c90a41f1091ca"
        "5fd1b628f3be371d6b4ab3f0d501d85fc13b8c5af3a426479ccf9f53769a0253"
    ),
    "c8df74a5": (
        "9c6db1a2ad96e9d94bf51c0178e1ae83101b5d4e150e7fc3bbb827c57747c109"
        "7f892043feaf8fba8f679cceca6e30407d28c7f0abc86e868dc51aa19d6e136c"
    ),
    "8d85a5bd": (
        "e083c4118d1fa12bb4e00c3c03cdf2d17056d37724fd2fa3ab8346a896f632e1"
        "7db31e2b579fbf7cd2837dbd33171a9cd3248927872d81a63e5376c474205c54"
    ),
    "9619578f": (
        "b6947dc9cf2f75f9f80e148824cd9cc746944ecbb61f75bab29c5fc39c920fe3"
        "9488dc4ddff162ad7f2e10bdaa8b3373bee3d2bf9e65f0fba8a439dbfa8314fa"
    ),
    "b52fbbf7": (
        "66bf4b9a7602a46b2eb12de14c667caa4ee235ce7207b2b49bc51866509f4868"
        "03a2f5adafdcf7b98eda2684562264b199fad144b7e15f466a2e80b6f8ee9124"
    ),
    "b62c91ce": (
        "10eafb19abcb4a8e924964882238ea7442db38760cceda415be15600c34c6574"
        "7e3e369d60a571b160ea4f3c85ffcfd07265b217ed16a6319c234e59d0955ae7"
    ),
}


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
        digests: target -> SHA-256, or its first eight digits, which are part of the file's name; see also `SHA512`.
        hidden_size: of the network.
        megabytes: of the weights.
        licence: of the weights.
        training: the data, and the terms in full.
        sdr: the published scores.
    """
    files = (
        WebFile(
            f"https://zenodo.org/records/{record}/files/{target}-{digests[target][:8]}.pth",
            digests[target],
            SHA512.get(digests[target][:8], ""),
        )
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
