"""One HTML page about models: players, scores, training curves and settings."""

from auralflow.report.excerpts import Excerpts
from auralflow.report.page import write_page
from auralflow.report.players import Example

__all__ = ["Example", "Excerpts", "write_page"]
