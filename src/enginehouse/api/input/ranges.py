"""The bounds of a time range in a request."""

from enginehouse.api.spelling import DateTime
from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, Problem, excerpt


def bounds(after: DateTime | None, before: DateTime | None) -> tuple[int, int]:
    """Returns the first and the last µs of the range. Raises InvalidInput, which names the problems of both."""
    problems = list[Problem]()
    moments = list[int]()
    for name, written, read in (
        ("createdAfterDateTime", after, times.moment),
        ("createdBeforeDateTime", before, times.upper_bound),
    ):
        try:
            micros = read(written)
        except times.DateTimeError as fault:
            problems.append(Problem(name, str(fault), excerpt(written)))
            continue
        if micros is None:
            problems.append(Problem(name, "required."))
        else:
            moments.append(micros)
    if problems:
        raise InvalidInput(problems)
    created_from, created_to = moments
    return created_from, created_to
