"""How many hosts find room on which nodes, and which idle ones must go for another."""

import pytest
from tests import make

from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.engines.ray import placement
from enginehouse.engines.ray.placement import MANY, HostPlace, Node

SMALL = Resources(cpus=2, memory_mb=4000)
GPU = Resources(cpus=4, gpus=2, memory_mb=16_000, labels={"speech": 1})


@pytest.mark.parametrize(
    ("takes", "count"),
    [
        (Resources(cpus=1), 8),
        (Resources(cpus=0.1), 80),
        (Resources(cpus=3), 1),
        (Resources(gpus=0.5), 4),
        (Resources(gpus=1, cpus=1), 2),
        (Resources(gpus=3), 0),
        (Resources(memory_mb=4000), 6),
        (Resources(labels={"speech": 0.25}), 4),
        (Resources(labels={"ocr": 1}), 0),
        (NOTHING, MANY),
    ],
)
def test_a_host_finds_room_only_on_one_node(takes: Resources, count: int) -> None:
    assert placement.hosts(takes, [each.amounts() for each in (SMALL, SMALL, GPU)]) == count


def test_an_engine_that_says_nothing_takes_a_core() -> None:
    spec = make.spec("any")
    assert placement.needs(spec) == Resources(cpus=1)


@pytest.mark.parametrize(
    ("declared", "takes"),
    [
        (Resources(gpus=0.5), Resources(gpus=0.5)),
        (Resources(cpus=0.5), Resources(cpus=0.5)),
        (Resources(labels={"speech": 1}), Resources(cpus=1, labels={"speech": 1})),
    ],
)
def test_an_engine_takes_what_it_declares(declared: Resources, takes: Resources) -> None:
    assert placement.needs(make.spec("any", resources=declared)) == takes


def test_amounts_are_those_of_ray() -> None:
    told = {"CPU": 4.0, "GPU": 1.0, "memory": float(3 << 30), "object_store_memory": 1e9, "node:10.0.0.1": 1.0,
            "speech": 2.0, "accelerator_type:A100": 1.0}  # fmt: skip
    found = placement.amounts(told)
    assert found == Resources(4.0, 1.0, 3072, {"speech": 2.0, "accelerator_type:A100": 1.0})
    assert placement.bundle(found) == {name: told[name] for name in told if name[:4] not in ("node", "obje")}
    assert placement.options(Resources(gpus=0.25, memory_mb=1)) == {
        "num_cpus": 0.0, "num_gpus": 0.25, "memory": 1 << 20, "resources": {}
    }  # fmt: skip


def test_idle_hosts_make_room() -> None:
    nodes = [Node("a", SMALL, NOTHING), Node("b", GPU, Resources(cpus=1, gpus=2))]
    idle = [
        HostPlace(1, "a", Resources(cpus=1)),
        HostPlace(2, "b", Resources(cpus=3)),
        HostPlace(3, "a", Resources(cpus=1)),
    ]
    assert [node.free for node in placement.without(nodes, idle)] == [Resources(cpus=2), Resources(cpus=4, gpus=2)]
    assert placement.evictions(Resources(cpus=1), nodes, idle) == [], "there is room on b"
    assert placement.evictions(Resources(cpus=2), nodes, idle) == [idle[1]]
    assert placement.evictions(Resources(cpus=2), nodes[:1], idle) == [idle[0], idle[2]]
    assert placement.evictions(Resources(cpus=5), nodes, idle) == [], "it never finds room"
    assert placement.evictions(Resources(gpus=1, cpus=2), nodes, idle) == [idle[1]]
