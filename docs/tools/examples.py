"""Shows the examples in docstrings as code."""

import re
import textwrap
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Examples?:\n((?: +.*(?:\n|\Z)|\n)+)", re.MULTILINE)


class Examples(griffe.Extension):
    """Turns the section `Example:` of a docstring, which griffe takes for text, into a block of code."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(_as_code, obj.docstring.value)


def _as_code(example: re.Match) -> str:
    code = textwrap.dedent(example[1]).rstrip()
    language = "pycon" if code.startswith(">>>") else "python"
    return f"**Example**\n\n```{language}\n{code}\n```\n\n"
