"""A log line holds fixed words, names and numbers, and no text of an exception, a value or a library."""

import ast
import asyncio
import json
import logging
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
import structlog

from enginehouse import logs
from enginehouse.domain.errors import InvalidInput, Unavailable
from enginehouse.domain.work import ItemKey

SOURCES = Path(__file__).parents[1] / "src" / "enginehouse"
SECRET = "correct-horse-battery"

FORMATS = pytest.mark.parametrize("log_format", ["console", "json"])


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Afterwards the logging of the process is as before."""
    for owner, name in (
        (sys, "excepthook"),
        (threading, "excepthook"),
        (sys, "unraisablehook"),
        (warnings, "showwarning"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logging.getLogger(name).level for name in ("httpx", "httpcore", "uvicorn.access", "python_multipart")
    }
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


class Printed:
    """The lines logged since `set_up`."""

    def __init__(self, log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
        logs.set_up(log_format)
        self.log = structlog.get_logger("enginehouse.test")
        self._capsys = capsys

    def text(self) -> str:
        return self._capsys.readouterr().err


def _unique() -> Any:
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.sqlstate, error.detail, error.constraint_name = "23505", f"Key (name)=({SECRET}) already exists.", "user_name"
    return error


def _raised(act: Callable[[], object]) -> Exception:
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("it was to raise")


def _noted() -> BaseException:
    error = ValueError("x")
    error.add_note(SECRET)
    return error


def _chained() -> BaseException:
    def act() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise RuntimeError(SECRET) from error

    return _raised(act)


class SecretsError(Exception):
    """An exception whose text and representation are secret."""

    def __repr__(self) -> str:
        return SECRET

    __str__ = __repr__


ERRORS: dict[str, Callable[[], BaseException]] = {
    "KeyError": lambda: _raised(lambda: {"a": 1}[SECRET]),
    "ValueError": lambda: _raised(lambda: int(SECRET)),
    "UniqueViolationError (23505, user_name)": _unique,
    "DataError": lambda: asyncpg.DataError(f"invalid input for query argument $1: '{SECRET}'"),
    "OperationalError (SQLITE_ERROR)": lambda: _raised(lambda: sqlite3.connect(":memory:").execute(f"EXEC '{SECRET}'")),
    "ValidationError": lambda: _raised(lambda: msgspec.json.decode(json.dumps({SECRET: 1}), type=dict[str, str])),
    "JSONDecodeError": lambda: JSONDecodeError(SECRET, SECRET, 0),
    "UnicodeDecodeError": lambda: _raised((SECRET.encode() + b"\xff").decode),
    "FileNotFoundError (ENOENT)": lambda: _raised(lambda: Path(f"/nowhere/{SECRET}").read_text()),
    "InvalidInput": lambda: InvalidInput(SECRET),
    "Unavailable": lambda: Unavailable(SECRET),
    "ExceptionGroup": lambda: ExceptionGroup(SECRET, [ValueError(SECRET), ExceptionGroup(SECRET, [KeyError(SECRET)])]),
    "RuntimeError": _chained,
    "ValueError\n": _noted,
    "SecretsError": lambda: SecretsError(SECRET),
    "SyntaxError": lambda: SyntaxError(SECRET, (SECRET, 1, 1, SECRET)),
}  # fmt: skip


def _nested(deep: int) -> Exception:
    """Returns a group of groups, each member with causes of its own."""
    members = [_raised(_chained_raise) if not deep else _nested(deep - 1) for _ in range(3)]
    return ExceptionGroup("g", members)


def _chained_raise(links: int = 8, frames: int = 12) -> None:
    if frames:
        _chained_raise(links, frames - 1)
    try:
        if links:
            _chained_raise(links - 1)
    except RuntimeError as cause:
        raise RuntimeError(SECRET) from cause
    raise RuntimeError(SECRET)


def test_an_error_costs_the_same_however_many_others_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()

    def count(name: str, line: int) -> str:
        read.append(f"{name}:{line}")
        return ""

    monkeypatch.setattr(logs, "getline", count)
    for deep in (0, 2):
        assert len(logs.describe(_nested(deep))) <= logs.LONGEST_TRACEBACK + 10
        assert len(read) < 200
        read.clear()


def test_a_long_value_is_cut_before_anything_looks_at_it() -> None:
    class Long(str):
        def isprintable(self) -> bool:
            raise AssertionError("all of it is looked at")

    assert str(logs._plain(Long("\x1b" * 10**6))).startswith("'\\x1b")


@FORMATS
@pytest.mark.parametrize("kind", ERRORS)
def test_an_exception_is_told_by_its_kind_and_not_by_its_words(
    log_format: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = Printed(log_format, capsys)
    printed.log.error("it failed", exc_info=ERRORS[kind]())
    text = printed.text()
    assert SECRET not in text
    assert kind.strip() in text


@FORMATS
def test_a_traceback_has_places_and_source_lines_and_no_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = Printed(log_format, capsys)

    def fails(token: str) -> None:
        raise RuntimeError("by hand" + token)

    try:
        fails(SECRET)
    except RuntimeError:
        printed.log.exception("it failed")
    text = printed.text()
    assert SECRET not in text
    assert "test_logs.py" in text
    assert 'raise RuntimeError("by hand" + token)' in (json.loads(text)["exception"] if log_format == "json" else text)


@FORMATS
def test_an_error_is_told_in_bounded_size_however_much_there_is_of_it(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = Printed(log_format, capsys)

    def falls(deep: int) -> None:
        try:
            if deep:
                falls(deep - 1)
            raise ValueError("x" * 1_000_000)
        except ValueError as error:
            raise ExceptionGroup("y" * 1_000_000, [error] * 500) from error

    printed.log.error("z" * 1_000_000, value="v" * 1_000_000, exc_info=_raised(lambda: falls(20)))
    assert len(printed.text()) < logs.LONGEST_TRACEBACK * 1.3 + 4 * logs.LONGEST_VALUE


@FORMATS
def test_an_error_behind_itself_is_told_once(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed(log_format, capsys)
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    printed.log.error("it failed", exc_info=first)
    assert printed.text().count("ValueError") == 1


@FORMATS
def test_a_value_is_a_number_or_a_short_text(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed(log_format, capsys)
    many = {"payload": {"a": SECRET}, "bytes": SECRET.encode(), "error": ValueError(SECRET), "pair": ("a", SECRET)}
    printed.log.info("told", item=ItemKey(7, 8, 9), lines="a\nforged", **many)
    text = printed.text()
    assert SECRET not in text
    assert text.count("\n") == 1
    assert "<dict>" in text
    assert all(number in text for number in "789")


@FORMATS
def test_a_library_is_told_by_its_fixed_words(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed(log_format, capsys)
    library = logging.getLogger("somebodys")
    library.error("Cannot do it with %s at all", SECRET)
    library.error("Cannot do it with '" + SECRET + "'")
    library.error("Cannot %d do it", SECRET)  # logging itself would print it, with the arguments
    library.error(ValueError(SECRET))
    library.error(f"Task failed\nfuture: {SECRET}")
    text = printed.text()
    assert SECRET not in text
    assert text.count("Cannot do it with") == 2
    assert text.count("somebodys") == 5


@FORMATS
def test_errors_that_nobody_catches_are_told_alike(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = Printed(log_format, capsys)

    def fails() -> None:
        raise ValueError(SECRET)

    async def loses_a_task() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda secret: fails(), SECRET)
        task = loop.create_task(asyncio.to_thread(fails))
        await asyncio.wait([task])
        del task

    class Ends:
        def __del__(self) -> None:
            fails()

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    unraisable = Ends()
    del unraisable
    asyncio.run(loses_a_task())
    sys.excepthook(ValueError, ValueError(SECRET), None)
    warnings.showwarning(SECRET, UserWarning, __file__, 1)
    text = printed.text()
    assert SECRET not in text
    for words in (
        "an unhandled error ended a thread",
        "an unhandled error ends the process",
        "an error could not be raised where it happened",
        "Exception in callback",
        "Task exception was never retrieved",
        "UserWarning",
    ):
        assert words in text


# The allowed values of a line: ids, names from the code or an installed package, counts, and durations.
NAMES = {
    "act", "added", "address", "advice", "attempt", "attempts", "category", "changed", "correlation_id", "engine",
    "error_id", "exc_info", "export", "field", "files", "item", "job", "jobs", "lines", "loop", "method", "ms", "node",
    "organization", "outcome", "place", "problems", "process", "pushes", "reason", "removed", "reports_lost", "route",
    "sandbox", "schedule", "seconds", "setting", "status", "task", "tasks", "token", "tried_again",
}  # fmt: skip
WRITES = {"log", "debug", "info", "warning", "error", "exception", "critical"}


def test_every_line_the_code_writes_is_fixed_words_and_known_names() -> None:
    """A new name needs a reason here. `token` is an attempt's fencing number, which gives no access."""
    calls = 0
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES):
                continue
            if not (
                isinstance(node.func.value, ast.Name) and node.func.value.id in {"log", "_log", "logger", "logging"}
            ):
                continue
            calls += 1
            place = f"{path}:{node.lineno}"
            words = node.args[-1]
            assert len(node.args) == 1 + (node.func.attr == "log"), f"{place}: a value is not named"
            assert isinstance(words, ast.Constant), f"{place}: the words are not fixed"
            assert {keyword.arg for keyword in node.keywords} <= NAMES, f"{place}: a name that is not known"
            for keyword in node.keywords:
                assert "str(" not in ast.unparse(keyword.value), f"{place}: {keyword.arg} may quote an exception"
                composed = isinstance(keyword.value, ast.JoinedStr) and keyword.arg != "place"
                assert not composed, f"{place}: {keyword.arg} is put together, maybe from an exception"
    assert calls > 10
