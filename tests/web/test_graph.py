"""The picture of a graph: every task in a layer behind its parents, none on another, and no edge through a task."""

import random

import pytest

from enginehouse.web.graph import NODE_HEIGHT, NODE_WIDTH, Edge, Layout, layout


def overlaps(made: Layout) -> list[tuple[int, int]]:
    return [
        (a, b)
        for b, second in enumerate(made.places)
        for a, first in enumerate(made.places[:b])
        if abs(first.x - second.x) < NODE_WIDTH and abs(first.y - second.y) < NODE_HEIGHT
    ]


def some_graph(count: int, seed: int) -> list[Edge]:
    chance = random.Random(seed)
    return [(chance.randrange(max(0, n - 9), n), n) for n in range(1, count) for _ in range(chance.randrange(3))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 7, 60, 300])
def test_every_task_stands_behind_its_parents_and_alone(count: int, seed: int) -> None:
    edges = some_graph(count, seed)
    made = layout(count, edges)
    assert len(made.places) == count
    assert len(made.paths) == len(set(edges))
    assert overlaps(made) == []
    for parent, child in edges:
        assert made.places[parent].x + NODE_WIDTH < made.places[child].x
    for place in made.places:
        assert 0 <= place.x <= made.width - NODE_WIDTH
        assert 0 <= place.y <= made.height - NODE_HEIGHT


def test_an_edge_over_a_layer_has_a_place_of_its_own_there() -> None:
    made = layout(3, [(0, 1), (1, 2), (0, 2)])
    straight = made.paths[2]
    middle = made.places[1]
    assert f" {middle.y + NODE_HEIGHT // 2}H" not in straight
    assert "H" in straight


def test_neighbours_stand_beside_each_other() -> None:
    made = layout(4, [(0, 2), (1, 3), (0, 2)])
    assert (made.places[0].y < made.places[1].y) == (made.places[2].y < made.places[3].y)


def test_a_job_without_routes_is_one_column() -> None:
    made = layout(3, [])
    assert {place.x for place in made.places} == {made.places[0].x}
    assert made.paths == ()


def test_many_tasks_without_an_edge_fill_a_grid_in_their_order() -> None:
    few, many = layout(12, []), layout(200, [])
    assert {at.x for at in few.places} == {few.places[0].x}
    assert len({at.x for at in many.places}) == 5
    assert len({at.y for at in many.places}) == 40
    assert [(at.y, at.x) for at in many.places] == sorted((at.y, at.x) for at in many.places)
    assert many.height < few.height * 4


def test_tasks_without_an_edge_do_not_move_the_others() -> None:
    beside = layout(30, [(0, 1), (1, 2)])
    alone = layout(3, [(0, 1), (1, 2)])
    assert [at.x for at in beside.places[:3]] == [at.x for at in alone.places]
