"""Checks a job request field by field, and reports each fault in the caller's spelling.

A check needs only one or two comparisons for a valid value, because every job that is created passes here.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

import msgspec

from enginehouse.domain import numbers, times
from enginehouse.domain.errors import Fault, InvalidInput, Problem, excerpt
from enginehouse.domain.ids import NUMBER_FORM
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.domain.spelling import Spelling

MAX_NAME_BYTES: Final = 255
MAX_RETRIES: Final = 100
MAX_PAYLOAD_BYTES: Final = 1 << 20
INITIAL_STATUSES: Final = frozenset({"pending", "queued", "scheduled"})

_INT32: Final = 1 << 31
_LARGEST_ID: Final = (1 << 63) - 1
_TARGET_ID: Final = re.compile(r"[0-9]{1,19}")
_ENCODER: Final = msgspec.json.Encoder()

# The search for a similar name is the only check that is not linear, so a report does it for a few problems only.
_SUGGESTIONS: Final = 5
_CANDIDATES: Final = 500
_LONGEST_SUGGESTION: Final = 64


class PlanReport:
    """The problems and warnings of one request. A path is computed only when there is something to report.

    `principals[ordinal]` is the task that an appended standby replaces; None for a listed task.
    """

    __slots__ = ("_suggestions", "prefix", "principals", "problems", "spelling", "warnings")

    def __init__(self, spelling: Spelling, prefix: str, principals: Sequence[int | None]) -> None:
        self.spelling = spelling
        self.prefix = prefix
        self.principals = principals
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._suggestions = _SUGGESTIONS

    def task(self, ordinal: int) -> str:
        """The path of a task, without a dot at the end."""
        principal = self.principals[ordinal]
        return (
            f"{self.prefix}{self.spelling.tasks}[{ordinal}]"
            if principal is None
            else f"{self.task(principal)}.standbyTask"
        )

    def stands_in(self, ordinal: int, principal: int) -> bool:
        """True if a task is the standby of `principal`, or the standby of that standby, and so on."""
        of = self.principals[ordinal]
        return of is not None and (of == principal or self.stands_in(of, principal))

    def folder(self, ordinal: int, position: int) -> str:
        return f"{self.task(ordinal)}.{self.spelling.folders}[{position}]"

    def route(self, number: int) -> str:
        return f"{self.prefix}{self.spelling.routes}[{number}]"

    def preference(self, ordinal: int, name: str) -> str:
        return f"{self.task(ordinal)}.{self.spelling.preferences}{name}"

    def problem(
        self, path: str, text: str, value: object = None, allowed: str | None = None, fault: Fault = Fault.WRONG
    ) -> None:
        self.problems.append(Problem(path, text, None if value is None else excerpt(value), allowed, fault))

    def outside(self, path: str, allowed: str, value: object) -> None:
        """Reports a value that is not one of the allowed ones."""
        self.problem(path, f"{allowed}, got {excerpt(value)}.", value, allowed)

    def warn(self, path: str, text: str) -> None:
        self.warnings.append(f"{path}: {text}")

    def nearest(self, word: str, words: Iterable[str]) -> str:
        """Returns ` Did you mean "x"?` if one of the caller's own words is similar, else an empty text."""
        if not self._suggestions or len(word) > _LONGEST_SUGGESTION:
            return ""
        self._suggestions -= 1
        alike = islice((w for w in words if abs(len(w) - len(word)) <= 2), _CANDIDATES)
        found = get_close_matches(word, alike, n=1, cutoff=0.7)
        return f' Did you mean "{found[0]}"?' if found else ""

    def raise_when_full(self) -> None:
        """Raises InvalidInput if there are more problems than a refusal shows."""
        if len(self.problems) > InvalidInput.LIMIT:
            self.raise_problems()

    def raise_problems(self) -> None:
        """Raises InvalidInput with all problems, if there are any."""
        if self.problems:
            raise InvalidInput(self.problems)


def name_fault(name: str) -> str | None:
    """Returns what is wrong with a name or a reference; None if it is valid."""
    if name.isascii() and name.isprintable() and len(name) <= MAX_NAME_BYTES and not name.isspace():
        return None
    for position, character in enumerate(name, 1):
        code = ord(character)
        if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
            return f"character U+{code:04X} at position {position} is not allowed."
    if name.isspace():
        return "only spaces."
    size = len(name.encode())
    return f"{size} bytes, at most {MAX_NAME_BYTES}." if size > MAX_NAME_BYTES else None


def check_job(report: PlanReport, request: JobRequest, now: int) -> None:
    """Reports what is wrong with the job's own fields."""
    spelling, prefix = report.spelling, report.prefix
    if request.target is not None and request.target_id:
        report.problem(prefix[:-1], f"Give {spelling.target} or {spelling.target_id}, not both.")
    if request.target_id and not (_TARGET_ID.fullmatch(request.target_id) and int(request.target_id) <= _LARGEST_ID):
        report.problem(prefix + spelling.target_id, "malformed.", request.target_id, NUMBER_FORM)
    if request.status and request.status not in INITIAL_STATUSES:
        report.outside(prefix + spelling.status, "one of pending, queued, scheduled", request.status)
    if request.name and (fault := name_fault(request.name)):
        report.problem(prefix + "name", fault)
    if request.due_at is not None and request.due_at < now:
        _warn_past(report, prefix + spelling.due, request.due_at, now)


def check_task(report: PlanReport, ordinal: int, task: TaskRequest, now: int) -> None:
    """Reports what is wrong with a task's words and numbers. Other checks are for engine, payload and folders."""
    if task.reference and (fault := name_fault(task.reference)):
        report.problem(f"{report.task(ordinal)}.{report.spelling.task_reference}", fault)
    if task.name and (fault := name_fault(task.name)):
        report.problem(f"{report.task(ordinal)}.name", fault)
    if task.status and task.status not in INITIAL_STATUSES:
        path = f"{report.task(ordinal)}.{report.spelling.task_status}"
        report.outside(path, "one of pending, queued, scheduled", task.status)
    if task.due_at is not None and task.due_at < now:
        _warn_past(report, report.preference(ordinal, report.spelling.due), task.due_at, now)
    if type(task.priority) is not int or not -_INT32 <= task.priority < _INT32:
        path = report.preference(ordinal, report.spelling.priority)
        report.outside(path, f"integer from {-_INT32} to {_INT32 - 1}", task.priority)
    _check_limits(report, ordinal, task)


def _check_limits(report: PlanReport, ordinal: int, task: TaskRequest) -> None:
    retries, engines, timeout = task.max_retries, task.max_engines, task.timeout_seconds
    if retries is not None and (type(retries) is not int or not 0 <= retries <= MAX_RETRIES):
        report.outside(report.preference(ordinal, report.spelling.max_retries), f"0–{MAX_RETRIES}", retries)
    if engines is not None and (type(engines) is not int or not 1 <= engines < _INT32):
        report.outside(report.preference(ordinal, report.spelling.max_engines), "integer ≥ 1", engines)
    elif engines is not None and engines > 1 and task.parallel is False:
        spelling = report.spelling
        text = f"{spelling.max_engines} must be 1 when {spelling.parallel} is false."
        report.problem(report.preference(ordinal, spelling.max_engines), text, engines, "1")
    if timeout is not None and (type(timeout) is not int or not 0 <= timeout < _INT32):
        report.outside(f"{report.task(ordinal)}.{report.spelling.timeout}", "integer ≥ 0", timeout)


def checked_payload(report: PlanReport, ordinal: int, task: TaskRequest, *, one_only: bool) -> Any:
    """Returns the engine's input. The text takes precedence over the object; `one_only` refuses a task with both."""
    text = task.payload_text
    if not text:
        if task.payload is not None:
            _check_object(report, ordinal, task.payload)
        return task.payload
    spelling = report.spelling
    if one_only and task.payload is not None:
        report.problem(report.task(ordinal), f"give {spelling.payload} or {spelling.payload_text}, not both.")
    path = f"{report.task(ordinal)}.{spelling.payload_text}"
    if len(text) > MAX_PAYLOAD_BYTES // 4 and (size := len(text.encode("utf-8", "surrogatepass"))) > MAX_PAYLOAD_BYTES:
        _too_large(report, path, size)
        return None
    try:
        value = read_json(text)
    except JsonTextError as fault:
        report.problem(path, str(fault))
        return None
    report.problems += numbers.problems(value, path)
    return value


def _check_object(report: PlanReport, ordinal: int, payload: Any) -> None:
    path = f"{report.task(ordinal)}.{report.spelling.payload}"
    try:
        size = len(_ENCODER.encode(payload))
    except (TypeError, ValueError, OverflowError, RecursionError):
        report.problem(path, "not a JSON value.")
        return
    if size > MAX_PAYLOAD_BYTES:
        _too_large(report, path, size)
        return
    report.problems += numbers.problems(payload, path)


def _too_large(report: PlanReport, path: str, size: int) -> None:
    mebibytes = f"{size / 2**20:.1f} MiB"
    given = f"{size} bytes" if mebibytes == "1.0 MiB" else mebibytes
    report.problem(path, f"{given}, at most 1 MiB.", fault=Fault.TOO_LARGE)


def _warn_past(report: PlanReport, path: str, due: int, now: int) -> None:
    report.warn(path, f"{times.rest(due)} is in the past (server time {times.rest(now)}).")
