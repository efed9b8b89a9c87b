"""What fits on a machine, and what fits beside what is there already."""

import pytest

from enginehouse.domain.resources import NOTHING, Resources, Room, sentence

MACHINE = Resources(cpus=4, gpus=1, memory_mb=8000, labels={"speech": 2})


@pytest.mark.parametrize(
    ("need", "lacking"),
    [
        (NOTHING, []),
        (Resources(cpus=4, gpus=1, memory_mb=8000, labels={"speech": 2}), []),
        (Resources(cpus=4.5), ["cpus"]),
        (Resources(gpus=2, memory_mb=8001), ["gpus", "memory_mb"]),
        (Resources(labels={"speech": 3, "ocr": 1}), ["speech", "ocr"]),
        (Resources(labels={"ocr": 0}), []),
    ],
)
def test_what_is_lacking(need: Resources, lacking: list[str]) -> None:
    assert need.lacking(MACHINE) == lacking
    assert need.fits(MACHINE) is not bool(lacking)


def test_what_is_taken_is_given_back() -> None:
    need = Resources(cpus=1.5, labels={"speech": 1})
    left = MACHINE.without(need)
    assert (left.cpus, left.labels) == (2.5, {"speech": 1})
    assert left.with_(need) == MACHINE
    assert MACHINE.without(MACHINE) == NOTHING


def test_items_fit_beside_each_other_in_their_order() -> None:
    room = Room(MACHINE, {"gpu": Resources(gpus=1), "big": Resources(cpus=3), "small": Resources(cpus=1)})
    assert room.first_that_fit(["big", "gpu", "gpu", "big", "plain", "small", "small"]) == [
        True, True, False, False, True, True, False,
    ]  # fmt: skip
    assert room.fits("gpu")
    assert not Room(NOTHING, room.needs).fits("gpu")
    assert Room(NOTHING, room.needs).fits("plain")


def test_of_some_engines_only_so_many_items_fit() -> None:
    room = Room(MACHINE, {"gpu": Resources(gpus=0.25)}, {"gpu": 2, "plain": 1, "closed": 0})
    assert room.first_that_fit(["gpu", "gpu", "gpu", "plain", "plain", "closed", "other", "other"]) == [
        True, True, False, True, False, False, True, True,
    ]  # fmt: skip
    assert not room.fits("closed")
    assert room != Room(MACHINE, room.needs)


def test_what_an_engine_takes_in_words() -> None:
    need = Resources(gpus=2, memory_mb=64_000, labels={"speech": 1})
    assert sentence(need, ["gpus", "memory_mb"]) == "2 GPU and 64000 MB of memory"
    assert sentence(need, ["speech"]) == "1 speech"
