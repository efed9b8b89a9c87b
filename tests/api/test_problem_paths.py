"""The paths of problems in the words of a REST body."""

import pytest

from enginehouse.api.edge.problem_paths import within
from enginehouse.domain.errors import InvalidInput, MalformedId, NotFound, Problem

WORDS = {"name": "userName", "jsondata": "kvpJSON"}


def test_problems_have_the_paths_of_the_body_and_each_path_only_one() -> None:
    with pytest.raises(InvalidInput) as refused, within("user", WORDS):
        raise InvalidInput([
            Problem("user.kvpJSON", "first."), Problem("jsondata", "second."), Problem("name[2].x", "third."),
            Problem("email", "fourth."), Problem("", "of the whole request."),
        ])  # fmt: skip
    assert [(one.path, one.text) for one in refused.value.problems] == [
        ("user.kvpJSON", "first."), ("user.userName[2].x", "third."), ("user.email", "fourth."),
        ("", "of the whole request."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "missing", [NotFound("User", "x", path="name"), MalformedId("User", "x", "a UUID", path="name")]
)
def test_a_missing_object_has_the_path_too_and_stays_what_it_is(missing: NotFound) -> None:
    with pytest.raises(NotFound) as refused, within("", WORDS):
        raise missing
    found = refused.value
    assert (type(found), found.path, found.rest_status) == (type(missing), "userName", missing.rest_status)
    assert getattr(found, "forms", None) == getattr(missing, "forms", None)
