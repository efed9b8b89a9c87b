"""Who did what: the audit with its filters, page by page, and whether it is as it was sealed."""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from enginehouse.domain import times
from enginehouse.domain.audit import AuditFilter, RecordedEntry, SealState, entry_number
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.operations.audit import queries, trail
from enginehouse.operations.audit.queries import graphql_id
from enginehouse.web.page_request import HtmlPage, Page, PageRequest
from enginehouse.web.pages import address

PAGE: Final = 50
_MINUTE: Final = 60 * times.SECOND
_NAMES: Final = ("user", "event", "type", "object", "outcome", "from", "to", "correlation")
_OUTCOMES: Final = {"done": True, "refused": False}
_PLACES: Final = {"Job": "/jobs/", "ScheduledJob": "/schedules/", "EventSubscription": "/webhooks/",
                  "WebhookDelivery": "/webhooks/deliveries/"}  # fmt: skip


async def show(request: PageRequest) -> HtmlPage:
    """GET /audit: a page of the entries that match, the newest first."""
    given = {name: request.query(name) for name in _NAMES if request.query(name)}
    faults = list[str]()
    before = request.query("before")
    try:
        criteria = replace(_filter(given, before), limit=PAGE)
        found = await queries.with_seals(request.house, request.principal, criteria)
    except InvalidInput as refused:
        faults = [f"{_LABELS.get(problem.path, problem.path)}: {problem.text}" for problem in refused.problems]
        found = await queries.with_seals(request.house, request.principal, None)
    shown = found.entries
    return HtmlPage(
        "audit.html",
        {
            "title": "Audit",
            "entries": [(entry, graphql_id(entry), _place(entry)) for entry in shown],
            "states": found.states,
            "changed": sum(state is SealState.CHANGED for state in found.states.values()),
            "last_seal": found.last,
            "given": {name: given.get(name, "") for name in _NAMES},
            "filtered": bool(given),
            "events": sorted({*trail.EVENTS, "authenticate", "userLogin", "userLogout", "refreshToken"}),
            "outcomes": list(_OUTCOMES),
            "faults": faults,
            "newest": address("/audit", given) if before else None,
            "older": address("/audit", {**given, "before": str(shown[-1].id)}) if found.has_more else None,
        },
        400 if faults else 200,
    )


_LABELS: Final = {"fromDateTime": "From", "toDateTime": "To", "from": "From", "to": "To"}


def _filter(given: dict[str, str], before: str) -> AuditFilter:
    problems = list[Problem]()
    criteria = AuditFilter(
        user_name=given.get("user"),
        event=given.get("event"),
        object_type=given.get("type"),
        object_id=given.get("object"),
        correlation_id=given.get("correlation"),
        success=_OUTCOMES.get(given.get("outcome", "")),
        first=_moment("from", given, problems),
        last=_moment("to", given, problems),
        before=entry_number(before) if before else None,
    )
    if problems:
        raise InvalidInput(problems)
    # The field has no seconds, and its whole minute is meant.
    return criteria if criteria.last is None else replace(criteria, last=criteria.last + _MINUTE - 1)


def _moment(name: str, given: dict[str, str], problems: list[Problem]) -> int | None:
    try:
        return times.moment(given[name]) if name in given else None
    except times.DateTimeError as fault:
        problems.append(Problem(name, str(fault)))
        return None


def _place(entry: RecordedEntry) -> str | None:
    """Returns the page of the object, if there is one."""
    place: Any = _PLACES.get(entry.object_type or "")
    return None if place is None or entry.object_id is None else place + quote(graphql_id(entry) or "", safe="")


PAGES: Final[tuple[Page, ...]] = (("GET", "/audit", show),)
