"""Sets up the server's log: lines for people on a terminal, or JSON for machines. Neither contains secrets.

A line holds the fixed words of the code that wrote it, and numbers and names. The text of an exception is left out,
because it may quote a payload, a password or a token. A traceback has places, source lines and types, and codes instead
of texts. Every part of a line has a limit.
"""

import errno
import logging
import re
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterator, MutableMapping
from linecache import getline
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final

import structlog

LONGEST_VALUE: Final = 300  # characters
LONGEST_TRACEBACK: Final = 8_000  # characters
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_FRAMES: Final = 12  # of an exception, the innermost ones
_LINKS: Final = 6  # exceptions of a chain, those raised last
_MEMBERS: Final = 3  # exceptions of a group
_GROUPS_DEEP: Final = 3  # groups inside groups
_PLACES: Final = 60  # in all, so that an error costs the same however many others it holds

_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"

# If another library puts a value into its text, one of these characters comes before the value.
_WORDS: Final = re.compile(r"[^<({\[%'\"`\n]*")
# Names of the schema and of the operating system. These attributes of database errors hold no contents of a row.
_CODES: Final = ("sqlstate", "table_name", "column_name", "constraint_name", "sqlite_errorname")
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,63}")
# These loggers are silent below this level. The server logs the same itself, or the line is about a client.
_QUIET: Final = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "uvicorn.access": logging.CRITICAL + 1,
    "python_multipart": logging.ERROR,
    "asyncpg.pool": logging.ERROR,
}

_log: Final = structlog.get_logger(__name__)


def set_up(log_format: str, *, level: int = logging.INFO, process: int | None = None) -> None:
    """Every log line of the process, also of libraries, goes to stderr in `log_format`.

    Uncaught errors of all threads and Python's warnings go there too. `process` is the number of this one of several
    server processes, which each of its lines has.
    """
    shared: list[Any] = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    if process is not None:
        shared.append(lambda _, __, line: line | {"process": process})
    last: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            _foreign,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _bounded,
            structlog.processors.ExceptionRenderer(lambda info: describe(info[1])),
            last,
        ],
        use_get_message=False,
    )
    to_stderr = _ToStderr()
    to_stderr.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [to_stderr]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    sys.excepthook = _uncaught
    threading.excepthook = _thread_ended
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def describe(error: BaseException | None) -> str:
    """Returns where the error and its causes were raised, and their types, but not their texts."""
    lines = list[str]()
    if error is not None:
        _describe(error, "", lines, _GROUPS_DEEP)
    text, half = "\n".join(lines), LONGEST_TRACEBACK // 2
    return text if len(text) <= LONGEST_TRACEBACK else f"{text[:half]}\n…\n{text[-half:]}"


def _describe(error: BaseException, indent: str, lines: list[str], depth: int) -> None:
    for link, joint in reversed(list(_chain(error))):
        if len(lines) > 2 * _PLACES:
            lines.append(f"{indent}…")
            return
        if link.__traceback__ is not None:
            lines.append(f"{indent}Traceback (most recent call last):")
            lines += [f"{indent}{place}" for place in _places(link.__traceback__)]
        lines.append(f"{indent}{_kind(link)}")
        if isinstance(link, BaseExceptionGroup) and depth:
            for member in link.exceptions[:_MEMBERS]:
                lines.append(f"{indent}  One of its {len(link.exceptions)} exceptions:")
                _describe(member, indent + "  ", lines, depth - 1)
        if joint:
            lines.append(f"{indent}{joint}")


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yields the error and its causes, each with the words that link it to the error that followed from it."""
    joint, seen = "", set[int]()
    while id(error) not in seen and len(seen) < _LINKS:
        yield error, joint
        seen.add(id(error))
        if error.__cause__ is not None:
            error, joint = error.__cause__, _CAUSE
        elif error.__context__ is not None and not error.__suppress_context__:
            error, joint = error.__context__, _CONTEXT


def _places(trace: TracebackType | None) -> Iterator[str]:
    frames = deque(walk_tb(trace), _FRAMES)
    for frame, line in frames:
        code = frame.f_code
        yield f'  File "{code.co_filename}", line {line}, in {code.co_name}'
        if source := getline(code.co_filename, line).strip():
            yield f"    {_cut(source)}"


def _kind(error: BaseException) -> str:
    """Returns the error's type with its codes."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    codes = [errno.errorcode.get(error.errno or 0, "")] if isinstance(error, OSError) else []
    codes += [code for code in (getattr(error, name, None) for name in _CODES) if isinstance(code, str)]
    text = ", ".join(code for code in codes if _CODE.fullmatch(code))
    return f"{name} ({text})" if text else name


def _foreign(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Returns the line.

    A library's line keeps only its first fixed words and the logger's name: its values may be private.
    """
    if not line["_from_structlog"]:
        record: logging.LogRecord = line["_record"]
        words = _WORDS.match(record.msg) if isinstance(record.msg, str) else None
        line["event"] = (words[0].strip(" :") if words else "") or "a library reports"
        line["logger"] = record.name
    return line


def _bounded(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Returns the line with numbers and short texts without line ends. Any other value is replaced by its type."""
    return {name: value if name == "exc_info" else _plain(value) for name, value in line.items()}


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            short = _cut(value)  # first: a long value costs no more than a short one
            return short if short.isprintable() else _cut(ascii(short))
        case tuple() if all(isinstance(part, int) for part in value):
            return value
        case _:
            return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


class _ToStderr(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """A fixed line is on stderr. The usual handler would print the record's arguments."""
        sys.__stderr__ and sys.__stderr__.write(f"a log line of {record.name} could not be written\n")


def _uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    _log.critical("an unhandled error ends the process", exc_info=error)


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        _log.error("an unhandled error ended a thread", exc_info=args.exc_value)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    _log.error("an error could not be raised where it happened", exc_info=args.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    _log.warning("a library warns", category=category.__name__, place=f"{filename}:{lineno}")
