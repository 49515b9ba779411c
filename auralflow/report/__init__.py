"""One HTML page about models: what they do to songs, how good they are, how one was trained."""

from auralflow.report.excerpts import Excerpts
from auralflow.report.page import write_page
from auralflow.report.players import Example

__all__ = ["Example", "Excerpts", "write_page"]
