"""The models that separate where none is named."""

DEFAULTS = ("spleeter-2stems", "auralflow-4stems")  # the first of these that has the targets separates
ENSEMBLE = "four-stems"  # of both; separates where the second would, and vocals are among the targets
DEFAULT = DEFAULTS[0]  # where no targets are named either
