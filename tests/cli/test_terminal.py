"""Text of others cannot act on the terminal of the person who reads it, whichever command shows it."""

import ast
import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from rich.live import Live
from rich.text import Text

from enginehouse import cli
from enginehouse.cli import main, output, rows, terminal

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b2J\x9d\x08\r\x7f\u202egnp.exe\u2066\u2028\ud800"
SHOWN = r"\x1b]0;title\x07\x1b[2J\x9b2J\x9d\x08\x0d\x7f\u202egnp.exe\u2066\u2028\ud800"
MODULES = sorted(Path(cli.__file__).parent.glob("*.py"))
# What writes by another way, and why that is safe.
OTHERS = {
    "output.py": "is the way for tables and JSON",
    "terminal.py": "is the way for text and bytes",
    "server.py": "prints words of its own and its settings",
}


class Screen(io.TextIOWrapper):
    """A terminal that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        content: bytes = self.buffer.getvalue()  # type: ignore[attr-defined]
        return content.decode()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    return Screen()


def live() -> None:
    with Live(console=output.console(), auto_refresh=False) as shown:
        shown.update(output.table(("a",), [(HOSTILE,)]))


WAYS: dict[str, Callable[[], Any]] = {
    "a table": lambda: output.console().print(output.table(("a",), [(HOSTILE,), (Text(HOSTILE),)])),
    "a page": lambda: rows.show_page(("a", "b"), [(HOSTILE, 1)], offset=0, count=2, empty=""),
    "facts": lambda: output.console().print(output.facts([("a", HOSTILE)], title=HOSTILE)),
    "a sentence": lambda: output.console().print(f"job: {HOSTILE}"),
    "a styled text": lambda: output.console(err=True).print(Text(HOSTILE, style="red"), soft_wrap=True),
    "a status": lambda: output.console().print(output.status(HOSTILE)),
    "a live table": live,
    "a line": lambda: terminal.echo(HOSTILE),
    "a log": lambda: terminal.echo_raw(HOSTILE),
    "an error": lambda: main._report(HOSTILE),
    "a value": lambda: output.show(HOSTILE, HOSTILE, as_json=False),
    "a warning": lambda: output.warn([HOSTILE]),
    "an output": lambda: terminal.write([HOSTILE.encode("utf-8", "replace")[i : i + 1] for i in range(99)]),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_the_terminal_shows_what_it_would_act_on(screen: Screen, way: str) -> None:
    with redirect_stdout(screen), redirect_stderr(screen):
        WAYS[way]()
    assert terminal.escape(screen.text) == screen.text.replace("\r\n", "\n")
    shown = screen.text.replace("\\x07", "")  # rich drops a bell by itself
    assert "\\x1b]0;title\\x1b[2J\\x9b2J" in shown
    assert "\\u202egnp.exe" in screen.text


def test_what_is_escaped_and_what_stays() -> None:
    assert terminal.escape(HOSTILE) == SHOWN
    plain = "a\tb\n\u017elu\u0165 \U0001f469\u200d\U0001f680 \u05e9\u05dc\u05d5\u05dd \\x1b"
    assert terminal.escape(plain) == plain


@pytest.mark.parametrize("write", [output.show_json, output.show_json_line])
def test_json_has_the_same_value_and_nothing_active(write: Callable[[Any], None], screen: Screen) -> None:
    value = {"name": HOSTILE.replace("\ud800", "") + "\U000e0041"}
    with redirect_stdout(screen):
        write(value)
    assert terminal.escape(screen.text) == screen.text
    assert json.loads(screen.text) == value


def test_a_program_gets_logs_and_outputs_as_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    terminal.write([b"\x1b[2J\xff"])
    terminal.echo_raw("\x1b[2J")
    # click removes sequences from a stream that is no terminal.
    assert capfdbinary.readouterr().out.startswith(b"\x1b[2J\xff")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_command_writes_by_another_way(module: Path) -> None:
    if module.name in OTHERS:
        return
    found = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in {"print", "click.echo", "click.secho", "Console", "rich.print", "sys.stdout.write"}
    }
    found |= {
        ast.unparse(node)
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout.buffer", "sys.stdout.write"}
    }
    assert found == set()
