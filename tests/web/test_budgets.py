"""What each page may cost, whatever the machine: transactions, statements, and bytes of HTML.

Every page of the site is looked at with many jobs and engines, so that a new page must keep to the budget too. The
benchmark `pages` measures the time.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import pytest
from tests import make
from tests.operations.scheduled import register
from tests.web.conftest import Place

from enginehouse.app import DESCRIPTIONS
from enginehouse.domain.ids import job_graphql
from enginehouse.operations import jobs
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


OVER: Final = {
    "/": Budget(transactions=2, statements=20),
    "/jobs": Budget(statements=8),
    "/jobs/{id}": Budget(transactions=5, statements=20),
    "/engines": Budget(transactions=2),
    "/docs/edge": Budget(html=1_000_000),
    "/docs/v1": Budget(html=1_000_000),
}
"""The pages that cost more, and how much. A page that becomes cheaper gets a smaller budget here, or none."""
ADDRESSES: Final[dict[str, str]] = {}
"""The address of a page that shows something other than a job, which the test must create first."""
STREAMS: Final = {"/jobs/{id}/live"}
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


def paths(job: str) -> Iterator[tuple[str, str]]:
    """Yields each page with an address of it."""
    for method, path, _ in PAGES:
        if method == "GET" and path not in STREAMS:
            yield path, ADDRESSES.get(path) or path.replace("{id}", job)
    for path in OPEN:
        yield path, path


async def test_every_page_keeps_to_its_budget(place: Place, cost: Cost) -> None:
    await register(place.house, *(f"an engine with a rather long name, number {n}" for n in range(40)))
    long = "the recording of the meeting of the board, second part"
    requests = [replace(make.fan_out(), name=f"{long} {n}") for n in range(PAGE + 10)]
    [first, *_] = await jobs.create(place.house, place.caller, requests)
    reader = await place.signed_in()
    dear = {}
    for page, address in paths(job_graphql(first.job_id)):
        cost.transactions.clear()
        answer = await reader.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}; say in ADDRESSES where {page} is"
        spent = cost.counted()
        found = Budget(len(spent), sum(map(len, spent)), len(answer.content))
        allowed = OVER.get(page, Budget())
        if (
            found.transactions > allowed.transactions
            or found.statements > allowed.statements
            or found.html > allowed.html
        ):
            dear[page] = (found, spent)
    assert dear == {}


def test_every_page_over_the_budget_is_there() -> None:
    """A page that is gone has no budget any more."""
    known = {path for method, path, _ in PAGES if method == "GET"} | set(OPEN)
    assert OVER.keys() | STREAMS <= known
