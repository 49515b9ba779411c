"""MUSDB18: the fourteen songs of its split `train` with which its users validate."""

from pathlib import Path

# Those that the package musdb sets aside, for which published models were chosen: musdb/configs/mus.yaml.
VALIDATION = (
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
)


def is_musdb18(dataset: Path) -> bool:
    """Whether the split `train` of a dataset has all of `VALIDATION`, in files of wav or as it is downloaded."""
    train = dataset / "train"
    return all((train / name).is_dir() or (train / f"{name}.stem.mp4").is_file() for name in VALIDATION)
