"""Acts on many jobs: what one would do, its progress, what takes it back, and the earlier ones."""

from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from starlette.responses import HTMLResponse, Response

from enginehouse.domain import times
from enginehouse.domain.bulk_acts import SENTENCES, Act
from enginehouse.domain.errors import InvalidInput, NotConfirmed, NotFound, unknown_word
from enginehouse.domain.ids import parse_number
from enginehouse.domain.refs import Ref
from enginehouse.operations import bulk_acts, maintenance
from enginehouse.operations.bulk_acts import BulkAct
from enginehouse.web import rules
from enginehouse.web.html import render
from enginehouse.web.jobs import PAGE, engine_names
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.rules import Pairs

_LISTED: Final = 50
_MOST_PICKS: Final = PAGE


async def plan(request: PageRequest) -> HtmlPage:
    """GET /bulk-acts/plan: how many jobs match, what the act would do to them, and why not to the others."""
    params = request.http.query_params
    pairs, picks = rules.of_text(params.get("rule", "")), params.getlist("pick")[:_MOST_PICKS]
    is_all = bool(params.get("all"))
    if not is_all:
        pairs = tuple(("job", pick) for pick in picks)
    return await _plan(request, request.query("act"), pairs, bounded=is_all)


async def _plan(request: PageRequest, word: str, pairs: Pairs, *, bounded: bool, note: str = "") -> HtmlPage:
    act = _act(word)
    if not pairs and not bounded:
        return HtmlPage("bulk_plan.html", {"title": "Nothing is selected", "plan": None, "act": act})
    rule = rules.job_filter(request, pairs)
    if bounded:
        # Jobs that are created while the person reads are not touched.
        now = await maintenance.storage_time(request.house)
        until = now if rule.created_to is None else min(rule.created_to, now)
        rule = replace(rule, created_to=until)
        pairs = (*(pair for pair in pairs if pair[0] != "created-before"), ("created-before", times.rest(until)))
    found = await bulk_acts.plan(request.house, request.principal, act, rule)
    return HtmlPage(
        "bulk_plan.html",
        {
            "title": f"{act.capitalize()} {found.forecast.matched} jobs",
            "plan": found,
            "act": act,
            "rule": rules.text_of(pairs),
            "chips": rules.chips(pairs),
            "engine_names": engine_names(request),
            "sentences": SENTENCES,
            "key": uuid4(),
            "note": note,
        },
    )


async def start(request: PageRequest) -> Answer:
    """POST /bulk-acts: the act that was planned is done, unless more jobs match by now than the person has seen."""
    act, pairs, confirmed = _act(request.form.get("act", "")), rules.of_text(request.form.get("rule", "")), 0
    text = request.form.get("confirm", "")
    if text.isascii() and text.isdecimal():
        confirmed = int(text[:18])
    rule = rules.job_filter(request, pairs)
    try:
        started = await bulk_acts.start(
            request.house, request.principal, act, rule, confirmed=confirmed, key=request.form.get("key") or None
        )
    except NotConfirmed:
        note = "More jobs match by now than you have seen. This is the new plan."
        return await _plan(request, act, pairs, bounded=False, note=note)
    return GoTo(f"/bulk-acts/{started.id}")


async def show(request: PageRequest) -> HtmlPage:
    """GET /bulk-acts/{id}: how far the act is, what it has left alone and why, and what takes it back."""
    act = await bulk_acts.get(request.house, request.principal, _ref(request))
    title = f"{act.act.capitalize()} {act.matched} jobs"
    return HtmlPage("bulk_act.html", {"title": title, "may_change": request.may_change, **_values(request, act)})


async def progress(request: PageRequest) -> Response:
    """GET /bulk-acts/{id}/progress: the part of the page that changes. When the act has ended, nobody asks again."""
    act = await bulk_acts.get(request.house, request.principal, _ref(request))
    return HTMLResponse(render("bulk_act_live.html", **_values(request, act)))


def _values(request: PageRequest, act: BulkAct) -> dict[str, Any]:
    pairs = rules.pairs_of(act.rule)
    return {
        "act": act,
        "chips": rules.chips(pairs),
        "jobs_address": rules.address("/jobs", pairs),
        "engine_names": engine_names(request),
        "sentences": SENTENCES,
    }


async def undo(request: PageRequest) -> GoTo:
    """POST /bulk-acts/{id}/undo: the act goes no further, and another one takes it back."""
    act = await bulk_acts.undo(request.house, request.principal, _ref(request))
    return GoTo(f"/bulk-acts/{act.id}")


async def list_acts(request: PageRequest) -> HtmlPage:
    """GET /bulk-acts: the last acts of the organization."""
    acts = await bulk_acts.list_(request.house, request.principal, limit=_LISTED)
    return HtmlPage("bulk_acts.html", {"title": "Acts on many jobs", "acts": acts, "pairs_of": rules.pairs_of})


def _act(word: str) -> Act:
    if word not in set(Act):
        raise InvalidInput([unknown_word("act", word, Act)])
    return Act(word)


def _ref(request: PageRequest) -> Ref:
    text = request.path("id")
    number = parse_number(text)
    if number is None:
        raise NotFound("BulkAct", text)
    return Ref(number, text)


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/bulk-acts", list_acts),
    ("POST", "/bulk-acts", start),
    ("GET", "/bulk-acts/plan", plan),
    ("GET", "/bulk-acts/{id}", show),
    ("GET", "/bulk-acts/{id}/progress", progress),
    ("POST", "/bulk-acts/{id}/undo", undo),
)
