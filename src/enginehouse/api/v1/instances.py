"""Workers on other machines over REST, below `/api/v1/instances`: they register, wait for work, take it, and report."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import NO_CONTENT, Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.engine import EngineKind
from enginehouse.domain.errors import InvalidInput, Problem, excerpt
from enginehouse.domain.work import Accepted, Answer, Lease, Report, Stale
from enginehouse.operations import exchange, instances
from enginehouse.operations.exchange import ExchangeRequest
from enginehouse.operations.instance_states import LeaseId
from enginehouse.wire.work import InputBody, WorkBody, lease_name, parse_lease
from enginehouse.wire.worker import (
    VERSION,
    AnswerBody,
    Demand,
    ExchangeBody,
    Exchanged,
    ProlongedLease,
    Registered,
    Registration,
    ReportBody,
    Wait,
    Waited,
)

BASE: Final = "/api/v1/instances"
LEASE_FORM: Final = "four numbers with points between them: job, task, item and fencing token"
_REGISTRATION: Final = Body(Registration, free=True)
_EXCHANGE: Final = Body(ExchangeBody, free=True)
_WAIT: Final = Body(Wait)
_decode: Final = msgspec.json.Decoder(ExchangeBody).decode


@answers(Registered, body=_REGISTRATION)
async def register(call: Call) -> Reply:
    """POST instances: a worker on another machine starts, with a token for workers."""
    body = await call.body(_REGISTRATION)
    arrival = await instances.register(
        call.house,
        call.principal,
        name=body.name,
        slots=body.slots,
        specs=[declared.spec() for declared in body.engines],
        wire_version=body.wire_version,
        version=body.version,
        resources=body.resources.resources(),
        elastic=body.elastic,
        calls_engines=body.slots.get(EngineKind.HTTP, 0) > 0,
    )
    instance = arrival.state.instance
    return json(
        Registered(
            instance_id=instance.id,
            name=instance.worker,
            wire_version=VERSION,
            lease_seconds=call.house.limits.lease_seconds,
            engine_ids=list(instance.registered.engines),
            unknown_engine_ids=list(arrival.unknown),
        )
    )


@answers(Exchanged, body=_EXCHANGE)
async def exchange_(call: Call) -> Reply:
    """POST instances/{InstanceID}/exchange: reports the ends of attempts, prolongs leases, and takes new work."""
    body, instance_id = await _exchange(call), instance(call.id)
    said = _said(body)
    done = await exchange.exchange(call.house, call.principal, instance_id, said)
    return json(
        Exchanged(
            answers=[_answer(one, answer) for one, answer in zip(body.reports, done.answers, strict=True)],
            held=[ProlongedLease(lease=lease_name(*lease_id), stop=stop) for lease_id, stop in done.alive.items()],
            work=[WorkBody.of(lease, _inputs(instance_id, lease, inputs)) for lease, inputs in done.work],
            ready=list(done.ready),
        )
    )


@answers(Waited, body=_WAIT)
async def wait(call: Call) -> Reply:
    """POST instances/{InstanceID}/wait: answers when there is work, or when a lease may have to stop."""
    body = await call.body(_WAIT)
    free = None if body.free is None else body.free.resources()
    waiting = exchange.wait(
        call.house, call.principal, instance(call.id), body.pools, body.seconds, free=free, most=body.most
    )
    ready, stop = await http_body.unless_gone(call.receive, waiting)
    return json(Waited(ready=ready, stop=stop))


@answers(Demand)
async def demand(call: Call) -> Reply:
    """GET instances/{InstanceID}/demand: the items that wait for the worker, for one that can grow."""
    query = Query(call.query)
    most = query.integer("most", 100, 1, instances.MOST_SLOTS)
    query.finish()
    return json(Demand(items=await instances.demand(call.house, call.principal, instance(call.id), most=most)))


@answers(None, status=204)
async def terminate(call: Call) -> Reply:
    """POST instances/{InstanceID}/terminate: the worker has left, and what it still had may run elsewhere."""
    Query(call.query).finish()
    await instances.terminate(call.house, call.principal, instance(call.id))
    return NO_CONTENT


async def _exchange(call: Call) -> ExchangeBody:
    """Returns the body. A worker sends many small ones, so one that fits is not looked at twice."""
    raw = await http_body.read(call.receive, length=call.headers.content_length)
    if b"\\u00" not in raw:
        try:
            return _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the closer look names every problem
    return _EXCHANGE.read(raw)


def instance(text: str) -> str:
    """Returns the id of a worker. Raises MalformedId."""
    if not refs.UUID.pattern.fullmatch(text):
        raise refs.UUID.missing(instances.INSTANCE, text)
    return text.lower()


def base(instance_id: str, lease: Lease) -> str:
    """Returns the path of what a worker reads under a lease."""
    return f"{BASE}/{instance_id}/items/{lease_name(lease.key, lease.token)}"


def _inputs(instance_id: str, lease: Lease, inputs: Iterable[tuple[Artifact, int]]) -> list[InputBody]:
    return [InputBody.of(artifact, folder, base(instance_id, lease)) for artifact, folder in inputs]


def _said(body: ExchangeBody) -> ExchangeRequest:
    problems = list[Problem]()
    said = ExchangeRequest(
        reports=_reports(body.reports, problems),
        held=_leases("held", body.held, problems),
        signalled=_leases("signalled", body.signalled, problems),
        claims=body.claims,
        full=body.full,
        free=None if body.free is None else body.free.resources(),
        most=body.most,
        resources=None if body.resources is None else body.resources.resources(),
        unable={why: tuple(engine_ids) for why, engine_ids in body.unable.items()},
        is_complete=body.is_complete,
    )
    if problems:
        raise InvalidInput(problems)
    return said


def _reports(given: Sequence[ReportBody], problems: list[Problem]) -> list[Report]:
    named = [(one, _lease(f"reports[{n}].lease", one.lease, problems)) for n, one in enumerate(given)]
    return [Report(*lease_id, one.outcome()) for one, lease_id in named if lease_id is not None]


def _leases(path: str, given: Sequence[str], problems: list[Problem]) -> list[LeaseId]:
    found = (_lease(f"{path}[{number}]", text, problems) for number, text in enumerate(given))
    return [lease_id for lease_id in found if lease_id is not None]


def _lease(path: str, text: str, problems: list[Problem]) -> LeaseId | None:
    try:
        return parse_lease(text)
    except ValueError:
        problems.append(Problem(path, f"{LEASE_FORM}, got {excerpt(text)}.", excerpt(text), LEASE_FORM))
        return None


def _answer(report: ReportBody, answer: Answer | InvalidInput) -> AnswerBody:
    match answer:
        case Accepted():
            return AnswerBody(lease=report.lease, status="accepted")
        case Stale():
            return AnswerBody(lease=report.lease, status="stale")
        case InvalidInput(message=message):
            return AnswerBody(lease=report.lease, status="refused", message=message)
