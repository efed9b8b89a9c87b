"""What each page may cost, whatever the machine: transactions, statements, and bytes of HTML.

Every page of the site is looked at with many jobs and engines, so that a new page must keep to the budget too. The
benchmark `pages` measures the time.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import pytest
from msgspec import structs
from tests import make
from tests.operations.scheduled import recurring, register
from tests.web.conftest import Place
from tests.web.reader import Reader
from tests.web.task_jobs import Bench
from tests.web.test_webhooks import ended, subscribed

from enginehouse.app import DESCRIPTIONS
from enginehouse.domain.bulk_acts import Act
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobFilter
from enginehouse.operations import bulk_acts, jobs
from enginehouse.storage.database.database import Database, Tx
from enginehouse.web.jobs import PAGE
from enginehouse.web.site import PAGES

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a page may cost at most."""

    transactions: int = 1
    statements: int = 3
    html: int = 60_000  # bytes


LONG: Final = "the recording of the meeting of the board, second part"
OVER: Final = {
    "/": Budget(statements=6),
    "/bulk-acts/plan": Budget(statements=5),
    "/jobs/new": Budget(statements=4),
    "/jobs/{id}": Budget(statements=11),
    "/jobs/{id}/tasks": Budget(statements=8),
    "/jobs/{id}/tasks/{n}": Budget(statements=11),
    "/schedules/{id}": Budget(statements=4),
    "/docs/edge": Budget(html=1_000_000),
    "/docs/v1": Budget(html=1_000_000),
}
"""The pages that cost more, and how much; the reasons are in docs/decisions/0044-what-a-page-reads.md.

A page that becomes cheaper gets a smaller budget here, or none.
"""
ENDED: Final = {
    "/jobs/{id}": Budget(statements=7),
    "/jobs/{id}/tasks": Budget(),
    "/jobs/{id}/tasks/{n}": Budget(statements=8),
}
"""The same pages for a job that has ended: it waits for nothing, so nothing else is looked at."""
QUERIES: Final = {"/bulk-acts/plan": "?all=yes&act=pause&rule=status%3Dpending"}
STREAMS: Final = {"/overview/live", "/jobs/{id}/live", "/jobs/{id}/tasks/{n}/live", "/jobs/{id}/media"}
"""Streams, and the bytes of what the jobs of this test do not have."""
OPEN: Final = ("/docs", *(f"/docs/{name}" for name in DESCRIPTIONS))


@dataclass(slots=True)
class Cost:
    """What has run on a database: the statements of each transaction. The look-up of a session does not count."""

    transactions: list[list[str]] = field(default_factory=list)

    def counted(self) -> list[list[str]]:
        return [one for one in self.transactions if any(not name.startswith("identity.") for name in one)]


class CountedTx:
    """A transaction that notes its statements."""

    def __init__(self, tx: Tx, noted: list[str]) -> None:
        self._tx, self._noted = tx, noted

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if name not in {"all", "one", "run", "many", "each"}:
            return found

        def run(statement: str, *given: Any, **named: Any) -> Any:
            self._noted.append(statement)
            return found(statement, *given, **named)

        return run


class CountedDatabase:
    """A database that notes its transactions."""

    def __init__(self, database: Database, cost: Cost) -> None:
        self._database, self._cost = database, cost

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._database, name)
        if name not in {"read", "peek", "glance", "write", "write_work"}:
            return found

        async def run(work: Callable[[Any], Awaitable[T]], **named: Any) -> T:
            noted = list[str]()
            self._cost.transactions.append(noted)
            answer: T = await found(lambda tx: work(CountedTx(tx, noted)), **named)
            return answer

        return run


@pytest.fixture
def cost() -> Cost:
    return Cost()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, cost: Cost) -> Any:
    return CountedDatabase(request.getfixturevalue(f"{request.param}_database"), cost)


async def things(place: Place, reader: Reader) -> dict[str, str]:
    """Returns the id of one thing of each kind, by the beginning of the addresses of its pages."""
    subscription = await subscribed(place, reader)
    await ended(place)
    delivery = re.search(r"/webhooks/deliveries/([-0-9a-f]{36})", (await reader.get(subscription)).text)
    assert delivery
    schedule = await recurring(place.house, "daily", principal=place.caller)
    bench = Bench(place)
    await bench.create(make.independent(1))
    await bench.put(await bench.start(), ("a.json", "application/json", b'{"language": "en"}'))
    requests = [structs.replace(make.fan_out(), name=f"{LONG} {n}") for n in range(PAGE + 10)]
    [first, *_] = await jobs.create(place.house, place.caller, requests)
    act = await bulk_acts.start(place.house, place.caller, Act.PAUSE, JobFilter(ids=(first.job_id,)))
    return {
        "/bulk-acts/": str(act.id),
        "/jobs/{id}/tasks/{n}/outputs/": bench.job,
        "/webhooks/deliveries/": delivery[1],
        "/webhooks/": subscription.rpartition("/")[2],
        "/schedules/": str(schedule.id),
        "/jobs/": job_graphql(first.job_id),
        "/people/": str(place.caller.user_id),
    }


def paths(known: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields each page with an address of it. A page of a new kind of thing needs its id in `things`."""
    for method, path, _ in PAGES:
        if method == "GET" and path not in STREAMS:
            thing = next((each for start, each in known.items() if path.startswith(start)), "")
            address = path.replace("{id}", thing).replace("{n}", "0").replace("{output}", "-1.0.0")
            address = address.replace("{form}", "txt")
            yield path, address + QUERIES.get(path, "")
    for path in OPEN:
        yield path, path


async def test_every_page_keeps_to_its_budget(place: Place, cost: Cost) -> None:
    await register(place.house, *(f"an engine with a rather long name, number {n}" for n in range(40)))
    reader = await place.reader()
    reader.http.cookies.set("eh", place.secret)  # a super administrator sees every page
    await reader.get("/")
    dear = {}
    known = await things(place, reader)
    looks = [(page, address, OVER.get(page, Budget())) for page, address in paths(known)]
    ended = known["/jobs/{id}/tasks/{n}/outputs/"]
    looks += [(page, page.replace("{id}", ended).replace("{n}", "0"), budget) for page, budget in ENDED.items()]
    for page, address, allowed in looks:
        cost.transactions.clear()
        answer = await reader.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}; say in `things` where {page} is"
        spent = cost.counted()
        found = Budget(len(spent), sum(map(len, spent)), len(answer.content))
        if (
            found.transactions > allowed.transactions
            or found.statements > allowed.statements
            or found.html > allowed.html
        ):
            dear[address] = (found, spent)
    assert {address: str(found) for address, (found, _) in dear.items()} == {}, dear


def test_every_page_over_the_budget_is_there() -> None:
    """A page that is gone has no budget any more."""
    known = {path for method, path, _ in PAGES if method == "GET"} | set(OPEN)
    assert OVER.keys() | STREAMS <= known
