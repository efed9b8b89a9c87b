"""A path leads to the right operation."""

import pytest

from enginehouse.api.http.paths import Paths


@pytest.fixture
def paths() -> Paths[str]:
    made: Paths[str] = Paths()
    for template in (
        "/admin/engine/categories",
        "/admin/engine/{EngineID}/detail",
        "/admin/engine/category/{CategoryID}/detail",
        "/job/{JobID}/output/{Name}",
    ):
        made.add("GET", template, template)
    made.add("POST", "/admin/engine/categories", "post")
    return made


def test_a_named_segment_goes_before_a_variable_one(paths: Paths[str]) -> None:
    assert paths.find("/admin/engine/categories") == (
        {"GET": "/admin/engine/categories", "POST": "post"},
        (),
        "/admin/engine/categories",
    )
    assert paths.find("/admin/engine/category/x/detail/") == (
        {"GET": "/admin/engine/category/{CategoryID}/detail"},
        ("x",),
        "/admin/engine/category/{CategoryID}/detail",
    )


def test_a_variable_segment_is_tried_where_the_named_one_leads_nowhere(paths: Paths[str]) -> None:
    template = "/admin/engine/{EngineID}/detail"
    assert paths.find("/admin/engine/category/detail") == ({"GET": template}, ("category",), template)


def test_variable_parts_come_in_order_and_are_never_empty(paths: Paths[str]) -> None:
    template = "/job/{JobID}/output/{Name}"
    assert paths.find("/job/a/output/b.json") == ({"GET": template}, ("a", "b.json"), template)
    assert paths.find("/job//output/b") is None


@pytest.mark.parametrize(
    "path", ["", "/", "/admin", "/admin/engine", "/admin/engine/x", "/x", "/job/a/output/b/c", "/a" * 99]
)
def test_everything_else_is_no_path(paths: Paths[str], path: str) -> None:
    assert paths.find(path) is None


def test_an_operation_is_added_once(paths: Paths[str]) -> None:
    with pytest.raises(ValueError, match="twice"):
        paths.add("GET", "/admin/engine/{Other}/detail", "again")
