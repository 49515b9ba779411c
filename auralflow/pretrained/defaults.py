"""The models that separate where none is named."""

DEFAULTS = ("spleeter-2stems", "auralflow-4stems")  # the first of these that has the targets separates
DEFAULT = DEFAULTS[0]  # where no targets are named either
