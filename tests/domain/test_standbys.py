"""A standby is joined like its principal: by the folder with the same reference, else by the one in the same place."""

from typing import Any

import pytest
from tests import make
from tests.domain.requests import folder, job, planned, route, stage, task

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import Route, RouteRequest, TaskRequest
from enginehouse.domain.planning import standbys
from enginehouse.domain.spelling import REST


def mirrored(*tasks: TaskRequest, routes: tuple[RouteRequest, ...], **more: Any) -> list[Route]:
    return [each for each in planned(job(*tasks, routes=routes, **more)).plan.routes if each.standby]


def test_folders_of_other_references_are_matched_by_their_place_among_those_alike() -> None:
    own = task("batch", folder("q", "stream"), folder("r"), folder("s"))
    principal = task("batch", folder("one"), folder("two"), folder("three", "stream"), standby=own)
    reads = (route("a-out", "two"), route("a-out", "one"))
    assert mirrored(stage("a"), principal, routes=reads) == [
        Route(0, 1, 2, 2, standby=True),
        Route(0, 1, 2, 1, standby=True),
    ]


def test_a_mirrored_route_has_the_options_and_the_endpoint_of_its_principals() -> None:
    listed = route("a-out", "b-in", options={"x": 1}, endpoint=make.ENDPOINT)
    assert mirrored(stage("a"), stage("b", standby=task("batch")), routes=(listed,)) == [
        Route(0, 1, 2, 0, options={"x": 1}, standby=True, endpoint=make.ENDPOINT)
    ]


def test_the_standby_of_a_root_has_its_route_without_a_parent() -> None:
    root = task("adapter", folder("o", "stream", "output"), reference="r", standby=task("adapter"))
    routes = (RouteRequest(child_task="r"),)
    assert mirrored(root, routes=routes, spelling=REST) == [Route(-1, -1, 1, -1, standby=True)]


def test_mirrored_routes_are_counted_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = task("batch", standby=task("batch"))
    tasks = (stage("a", standby=nested), stage("b", standby=nested))
    monkeypatch.setattr(standbys, "MAX_ROUTES", 9)
    assert len(mirrored(*tasks, routes=(route("a-out", "b-in"),))) == 8
    monkeypatch.setattr(standbys, "MAX_ROUTES", 8)
    with pytest.raises(InvalidInput) as refused:
        mirrored(*tasks, routes=(route("a-out", "b-in"),))
    assert refused.value.message == "routes: 9 with those of standby tasks, at most 8 per job."
