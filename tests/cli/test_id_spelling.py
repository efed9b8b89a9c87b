"""Commands show one spelling of an id, whichever the server has answered."""

import pytest

from enginehouse.cli.id_spelling import organization_spelling, spelling
from enginehouse.domain import ids

JOB = ids.first_job_id(1_790_000_000_000_000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ids.job_uuid(JOB), ids.job_graphql(JOB)),
        (ids.job_graphql(JOB), ids.job_graphql(JOB)),
        (ids.task_uuid(JOB, 3), ids.task_graphql(JOB, 3)),
        (ids.schedule_uuid(17), "17"),
        (ids.organization_uuid(4), "4"),
        ("b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42", "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"),
        ("admin", "admin"),
    ],
)
def test_an_id_is_shown_in_the_spelling_of_graphql(text: str, shown: str) -> None:
    assert spelling(text) == shown


def test_an_organization_is_shown_by_its_number() -> None:
    assert organization_spelling(ids.organization_uuid(4)) == organization_spelling("4") == "4"
