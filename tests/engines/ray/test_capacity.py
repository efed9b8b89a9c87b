"""What a worker can run on a cluster now, what it cannot and why, and what the cluster is told of what waits."""

from typing import Any

import pytest

from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.engines.python_executor import ExecutorCapacity
from enginehouse.engines.ray import capacity
from enginehouse.engines.ray.placement import HostPlace, Node

CPU, GPU = Resources(cpus=1), Resources(gpus=1)
NEEDS = {"plain": CPU, "vision": GPU}
HAS_GPU = Node("g", Resources(cpus=2, gpus=1), Resources(cpus=2, gpus=1))
PLAIN = Node("p", Resources(cpus=2), Resources(cpus=2))
TAKEN = Node("t", Resources(cpus=2, gpus=1), NOTHING)


def of(*nodes: Node, **given: Any) -> ExecutorCapacity:
    nothing: dict[str, Any] = {"busy": [], "idle": [], "starting": [], "most": 10, "waiting": 0, "closed": {}}
    return capacity.of(NEEDS, nodes, address="h:1", **{**nothing, "is_away": False, **given})


def no_node(what: str) -> str:
    return f"no node of the Ray cluster at h:1 has {what}"


@pytest.mark.parametrize(
    ("given", "calls", "most", "unable"),
    [
        ({"nodes": [PLAIN, HAS_GPU]}, 4, {"vision": 1}, {}),
        ({"nodes": [PLAIN, HAS_GPU], "most": 3}, 3, {"vision": 1}, {}),
        ({"nodes": [PLAIN]}, 2, {"vision": 0}, {no_node("1 GPU"): ("vision",)}),
        ({"nodes": []}, 0, {}, {no_node("1 CPU"): ("plain",), no_node("1 GPU"): ("vision",)}),
        # Others have taken all: it is there, and not free.
        ({"nodes": [TAKEN]}, 0, {}, {no_node("1 CPU free"): ("plain",), no_node("1 GPU free"): ("vision",)}),
        # A host at work is a call, an idle one makes room.
        ({"nodes": [TAKEN], "busy": [HostPlace(1, "t", GPU)], "idle": [HostPlace(2, "t", CPU)]}, 2, {"vision": 0}, {}),
        # One that starts is a call, and where it is nobody knows yet.
        ({"nodes": [TAKEN], "starting": [CPU, CPU]}, 2, {}, {}),
        # A call that has no host yet takes one of the places.
        ({"nodes": [PLAIN, HAS_GPU], "waiting": 1}, 4, {"plain": 3, "vision": 0}, {}),
        ({"nodes": [HAS_GPU], "closed": {"vision": "It has no Enginehouse."}}, 2, {"vision": 0},
         {"it has no Enginehouse": ("vision",)}),
        ({"nodes": [HAS_GPU], "is_away": True, "busy": [HostPlace(1, "g", CPU)]}, 1, {"plain": 0, "vision": 0},
         {"the Ray cluster at h:1 does not answer": ("plain", "vision")}),
    ],
)  # fmt: skip
def test_what_can_run_now(
    given: dict[str, Any], calls: int, most: dict[str, int], unable: dict[str, tuple[str, ...]]
) -> None:
    found = of(*given.pop("nodes"), **given)
    assert (found.calls, dict(found.most), dict(found.unable)) == (calls, most, unable)


def test_what_the_worker_has_is_what_others_leave_it() -> None:
    own = {"busy": [HostPlace(1, "t", CPU)], "idle": [HostPlace(2, "t", GPU)], "starting": [CPU]}
    assert of(TAKEN, PLAIN, **own).resources == Resources(cpus=4, gpus=1)


@pytest.mark.parametrize(
    ("demand", "at_work", "most", "wanted"),
    [
        ({}, [CPU], 4, []),
        ({"plain": 0, "unknown": 5}, [CPU], 4, []),
        ({"plain": 2}, [], 4, [{"CPU": 1}] * 2),
        ({"plain": 9, "vision": 9}, [GPU], 4, [{"GPU": 1}, {"CPU": 1}, {"GPU": 1}, {"CPU": 1}]),
        ({"plain": 1}, [GPU] * 5, 4, [{"GPU": 1}] * 4),
    ],
)
def test_the_cluster_is_told_of_what_runs_and_waits_up_to_the_most_hosts(
    demand: dict[str, int], at_work: list[Resources], most: int, wanted: list[dict[str, float]]
) -> None:
    places = [HostPlace(number, "n", takes) for number, takes in enumerate(at_work)]
    assert capacity.bundles(NEEDS, demand, at_work=places, most=most) == wanted
