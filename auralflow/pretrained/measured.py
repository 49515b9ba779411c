"""Scores that were measured here, on the same minute of one song, so that models can be compared.

`python benchmarks/pretrained.py` measures the vocals again.
"""

from collections.abc import Mapping

SONG = "the first minute of one song, Rubidium"
VALIDATED = ("auralflow-4stems",)  # models whose training was validated on this song, which flatters them
# SI-SDR in dB by model and target; the song's bass is silent.
MEASURED: Mapping[str, Mapping[str, float]] = {
    "auralflow-4stems": {"drums": 2.86, "other": -2.47, "vocals": 3.87},
    "spleeter-2stems": {"vocals": 5.53},
}
MIXTURE = {"drums": 1.57, "other": -1.87, "vocals": -15.57}  # of the mixture, taken as the estimate


def score_text(name: str) -> str:
    """A model's scores in a few words; those that are lower than the mixture's say so.

    Example:
        >>> score_text("auralflow-4stems")
        'drums 2.9, other -2.5 (worse than the mixture), vocals 3.9'
    """
    scores = MEASURED.get(name, {})
    return ", ".join(
        f"{target} {score:.1f}{' (worse than the mixture)' if score < MIXTURE[target] else ''}"
        for target, score in scores.items()
    )
