"""The bar of a transfer is on a terminal only, and changes no byte."""

import io
import sys

import pytest
from rich.console import Console

from enginehouse.cli import output
from enginehouse.cli.transfer import with_bar

BLOCKS = [b"a" * 1_000, b"", b"b" * 500]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_only(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(output, "console", lambda *, err: Console(file=shown, force_terminal=err, width=100))
    assert list(with_bar(iter(BLOCKS), "talk.wav", 1_500)) == BLOCKS
    assert ("talk.wav" in shown.getvalue()) is is_terminal
    assert ("1.5/1.5 kB" in shown.getvalue()) is is_terminal
