"""What the handler of a page gets, and what it returns."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from enginehouse.domain.identity import Principal, Role
from enginehouse.operations.house import House
from enginehouse.web.session import Session
from enginehouse.web.streams import Streams


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request of a signed-in person for a page. `form` are the fields of a POST."""

    house: House
    http: Request
    session: Session
    streams: Streams
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def principal(self) -> Principal:
        return self.session.principal

    @property
    def may_change(self) -> bool:
        """Whether the person may do more than read."""
        return self.principal.role.covers(Role.USER)

    def path(self, name: str) -> str:
        """Returns a variable part of the path."""
        return str(self.http.path_params[name])

    def query(self, name: str) -> str:
        """Returns a parameter of the address, "" if it is not there."""
        return self.http.query_params.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A page to render: its template and what is in it."""

    template: str
    values: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class GoTo:
    """The browser loads another page of this server, after a POST that did something."""

    path: str


Answer = HtmlPage | GoTo | Response
Handler = Callable[[PageRequest], Awaitable[Answer]]
Page = tuple[str, str, Handler]
"""The method, the path and the handler of a page or of an action on one."""
