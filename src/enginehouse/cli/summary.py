"""Findings as a page of text that fits the terminal."""

from typing import Any, Final

from rich.console import Console

from enginehouse.text.findings import Findings, findings
from enginehouse.text.findings_page import WIDTH, page

_LINES: Final = 40  # of a transcript, where only a summary is wanted
_WIDEST: Final = 120


def show(console: Console, document: Any) -> None:
    """The summary of an AION document is on the console, with the beginning of its transcript."""
    console.print()
    show_findings(console, findings(document), most_lines=_LINES)


def show_findings(console: Console, found: Findings, *, most_lines: int | None = None) -> None:
    """The findings are on the console, as wide as it is. A pipe gets lines of the usual width."""
    width = min(console.width, _WIDEST) if console.is_terminal else WIDTH
    console.print(page(found, width=width, most_lines=most_lines), end="", soft_wrap=True)
