"""The reload of installed engines over `/api/v1`: what is shown of it, and who may begin one."""

from typing import Any

import pytest
from tests.api.clients import Api

from enginehouse.domain.engine_reload import MOST_PROBLEMS, ReloadReport, bounded
from enginehouse.domain.identity import Role
from enginehouse.operations import workers

PATH = "/api/v1/engine-reload"


async def shown(api: Api, method: str) -> Any:
    answer = await api.ask(f"{method} {PATH}")
    assert answer.status == 200, answer
    return answer.body["result"]


async def test_a_reload_has_a_number_and_is_done_by_each_server_that_runs_engines(api: Api) -> None:
    woken = list[bool]()
    api.house.listeners.reload = lambda: woken.append(True)
    assert await shown(api, "GET") == {"number": 0, "servers": []}
    report = ReloadReport(revision=0, engines=2, added=("A",), changed=("B",), removed=("C",), problems=("no.",))
    await workers.beat(api.house, name="server/a:1", pools={"python": 1}, engines=[], reload=report)
    await workers.beat(api.house, name="server/b:1", pools={"python": 0}, engines=[], reload=report)
    await workers.beat(api.house, name="remote/c:1", pools={"python": 1}, engines=[], reload=report)
    [started] = (await shown(api, "POST"))["servers"]
    assert started == {
        "workerID": workers.worker_id("server/a:1"), "name": "server/a:1", "reloaded": False, "engines": 2,
        "added": ["A"], "changed": ["B"], "removed": ["C"], "problems": ["no."],
    }  # fmt: skip
    assert woken == [True]
    await workers.beat(
        api.house, name="server/a:1", pools={"python": 1}, engines=[], reload=ReloadReport(revision=1, engines=0)
    )
    found = await shown(api, "GET")
    assert (found["number"], [one["reloaded"] for one in found["servers"]]) == (1, [True])
    assert (await shown(api, "POST"))["number"] == 2


@pytest.mark.parametrize("role", [Role.ADMIN, Role.USER, Role.READER])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_a_super_administrator_may(api: Api, role: Role, method: str) -> None:
    other = await api.in_role(role)
    assert (await other.ask(f"{method} {PATH}")).status == 403
    assert (await shown(api, "GET"))["number"] == 0


def test_problems_are_stored_in_bounded_size() -> None:
    kept = bounded(("x" * 10_000,) * 70)
    assert len(kept) == MOST_PROBLEMS + 1
    assert kept[-1] == "and 20 more."
    assert {len(one) for one in kept[:-1]} == {500}
