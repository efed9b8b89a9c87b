"""A list has one line for each record, whatever the width of the terminal."""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from rich.text import Text

from enginehouse.cli.rows import flexible, optional, show_page, show_rows

COLUMNS = ("job", "status", flexible("engines"), optional("name"), optional("worker"))
STYLES = re.compile(r"\x1b\[[0-9;]*m")
ID = "26114930_GwXDXPInMt"
ROWS = [
    (
        ID,
        Text("complete", "green"),
        "Chunker, Sentiment (VADER), Language identification (langid)",
        "nightly\nrun",
        None,
    ),
    (ID, Text("failed", "red"), "Chunker", None, None),
]


class Screen(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    def show(columns: int | None) -> list[str]:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(columns or 10))
        stream: io.StringIO = io.StringIO() if columns is None else Screen()
        with redirect_stdout(stream):
            show_rows(COLUMNS, ROWS, empty="")
        return STYLES.sub("", stream.getvalue()).splitlines() if columns else stream.getvalue().splitlines()

    return show


@pytest.mark.parametrize("width", [80, 60, 45, 30])
def test_a_record_is_one_line_that_fits(printed: Callable[..., list[str]], width: int) -> None:
    lines = printed(width)
    assert len(lines) == 1 + len(ROWS)
    assert max(map(len, lines)) <= width


def test_what_may_be_cut_is_cut_and_an_id_is_not(printed: Callable[..., list[str]]) -> None:
    [titles, first, second] = printed(60)
    assert titles.split() == ["job", "status", "engines"]
    assert first.startswith(f"{ID}  complete  Chunker, Sentiment")
    assert first.endswith("…")
    assert second == f"{ID}  failed    Chunker"


def test_a_wide_terminal_shows_more_but_no_column_without_values(printed: Callable[..., list[str]]) -> None:
    [titles, first, _] = printed(140)
    assert titles.split() == ["job", "status", "engines", "name"]
    assert first.endswith("Language identification (langid)  nightly run")


def test_a_pipe_gets_every_column_whole_and_without_colour(printed: Callable[..., list[str]]) -> None:
    [titles, first, _] = printed(None)
    assert titles.split() == ["job", "status", "engines", "name", "worker"]
    assert "Language identification (langid)  nightly run  –" in first
    assert "\x1b" not in "".join(printed(None))


def test_a_list_of_nothing_says_so_beside_stdout() -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        show_rows(COLUMNS, [], empty="No job matches.")
    assert (out.getvalue(), err.getvalue()) == ("", "No job matches.\n")


@pytest.mark.parametrize(("offset", "count", "said"), [(0, 3, "2 of 3; more with --offset 2\n"), (1, 3, "")])
def test_a_page_says_how_to_get_the_next(offset: int, count: int, said: str) -> None:
    err = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(err):
        show_page(COLUMNS, ROWS, offset=offset, count=count, empty="")
    assert err.getvalue() == said


def test_wide_characters_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    screen: Any = Screen()
    with redirect_stdout(screen):
        show_rows(("a", flexible("b")), [("x", "日本語日本語日本語日本語")], empty="")
    [_, line] = STYLES.sub("", screen.getvalue()).splitlines()
    assert line == "x  日本語日本語日本…"
