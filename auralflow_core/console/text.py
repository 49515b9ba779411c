"""Text for a terminal or a page: names from elsewhere that are safe to show, and numbers of things."""

import unicodedata

HIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, separators of lines and paragraphs


def printable(text: str) -> str:
    r"""Escapes what would not be shown, or would steer a terminal; other characters stay, in any script.

    Example:
        >>> print(printable("caf\udce9 \x1b[2J 音"))
        caf\udce9 \x1b[2J 音
    """
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in HIDDEN else letter
        for letter in text
    )


def count(number: int, name: str) -> str:
    """A number and what it counts.

    Example:
        >>> count(1, "track"), count(2, "track")
        ('1 track', '2 tracks')
    """
    return f"{number} {name}{'' if number == 1 else 's'}"


def data_size(size: float) -> str:
    """Bytes as text.

    Example:
        >>> data_size(4.2e9), data_size(3e6)
        ('4.20 GB', '3.0 MB')
    """
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def with_article(name: str) -> str:
    """A name behind `a` or `an`; capitals at its beginning are read letter by letter.

    Example:
        >>> with_article("AudioModel"), with_article("HTDemucs"), with_article("list"), with_article("uint8")
        ('an AudioModel', 'an HTDemucs', 'a list', 'a uint8')
    """
    vowels = "AEFHILMNORSX" if name[:2].isupper() else "AEIOaeio"
    return f"{'an' if name[:1] in vowels else 'a'} {name}"


def printable_lines(text: str) -> str:
    """The same for a message, which may have several lines."""
    return "\n".join(map(printable, text.split("\n")))
