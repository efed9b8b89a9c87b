"""What the stream of a task's page sends: parts of the page that have changed, and what was printed meanwhile."""

from dataclasses import dataclass, field
from typing import Any

from markupsafe import escape

from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Attempt
from enginehouse.operations import log_tails
from enginehouse.operations.log_tails import LogTail
from enginehouse.web import task_view
from enginehouse.web.page_request import PageRequest
from enginehouse.web.task_view import Choice, numbers


@dataclass(slots=True)
class TaskFeed:
    """The feed of one page. `tail` follows the log that the page shows, unless a person reads an earlier part of it."""

    request: PageRequest
    ref: TaskRef
    choice: Choice
    tail: LogTail | None
    follows_log: bool
    _runs: bool = True
    _sent: dict[str, str] = field(default_factory=dict)

    async def changed(self) -> str:
        """Returns the parts that are others than before, and what is new in the log. Raises NotFound."""
        found = await task_view.values(self.request, self.ref, self.choice)
        parts = [self._part(name, found) for name in ("state", "work")]
        return "".join([*parts, await self._log(found)])

    async def printed(self) -> str:
        """Returns what is new in the log of an attempt that runs."""
        if self.tail is None or not self._runs:
            return ""
        return _appended(await self.tail.news(is_over=False))

    async def rest(self) -> str:
        """Returns what is left of the log of an attempt that has ended."""
        return "" if self.tail is None else _appended(await self.tail.news(is_over=True))

    def place(self, event: int) -> str:
        """Returns the place from which a stream that broke off goes on."""
        return str(event) if self.tail is None else f"{event}.{self.tail.item}.{self.tail.number}.{self.tail.offset}"

    def _part(self, name: str, found: dict[str, Any]) -> str:
        html = task_view.part(name, found)
        if self._sent.get(name) == html:
            return ""
        self._sent[name] = html
        return _partial(f"#{name}", "innerMorph", html)

    async def _log(self, found: dict[str, Any]) -> str:
        shown: Attempt | None = found["shown"]
        if shown is None or not self.follows_log:
            return ""
        self._runs = shown.ended_at is None
        if self.tail is not None and (self.tail.item, self.tail.number) == (shown.item, shown.number):
            note = self._note(found)
            return _appended(await self.tail.news(is_over=not self._runs)) + note
        values = await task_view.log_values(self.request, self.ref, shown, self.choice)
        offset = 0 if values["log"] is None else values["log"].next
        self.tail = await log_tails.follow(
            self.request.house, self.request.principal, self.ref, shown.item, shown.number, offset=offset
        )
        self._sent["note"] = task_view.part("log_note", found)
        return _partial("#log-part", "innerHTML", task_view.part("log", {**found, **values}))

    def _note(self, found: dict[str, Any]) -> str:
        html = task_view.part("log_note", found)
        if self._sent.get("note") == html:
            return ""
        self._sent["note"] = html
        return _partial("#log-note", "innerHTML", html)


async def opened(request: PageRequest, ref: TaskRef) -> TaskFeed:
    """Returns the feed of the page whose stream is opened, or opened again. Raises NotFound."""
    place = numbers(request.http.headers.get("last-event-id", ""), 4)
    if place is not None:
        _, item, number, offset = place
        seen: tuple[int, int] | None = (item, number)
    else:
        found, at = numbers(request.query("seen"), 2), numbers(request.query("log"), 1)
        seen, offset = (found[0], found[1]) if found else None, at[0] if at else 0
    tail = None
    if seen is not None:
        tail = await log_tails.follow(request.house, request.principal, ref, *seen, offset=offset)
    return TaskFeed(request, ref, Choice.of(request), tail, follows_log=request.query("log") != "none")


def _appended(text: str) -> str:
    return _partial("#log", "beforeend", str(escape(text))) if text else ""


def _partial(target: str, swap: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'
