"""The job that a path names, in either spelling of its id."""

from enginehouse.domain import ids
from enginehouse.domain.errors import NotFound


def named(text: str) -> int:
    """The job that a path or a body names, in either spelling. Raises NotFound."""
    job_id = ids.parse_job(text)
    if job_id is None:
        raise NotFound("Job", text[:80])
    return job_id
