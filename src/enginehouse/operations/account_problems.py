"""What is wrong with the fields of an organization or a user."""

from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import OrganizationRequest, UserRequest
from enginehouse.operations import bounds


def of_organization(request: OrganizationRequest, *, named: bool = False) -> list[Problem]:
    """Returns what is wrong with the fields of an organization. `named`: it must have a name."""
    problems = _name_problems(request.name, named=named)
    retries = request.default_retries
    if retries is not None and not 0 <= retries <= 100:
        problems.append(Problem("defaultRetries", "must be between 0 and 100.", str(retries), "0..100"))
    problems += bounds.text("businessUnit", request.business_unit, longest=bounds.LONGEST_NAME)
    problems += bounds.text("imageUrl", request.image_url)
    return problems + bounds.json("jsondata", request.jsondata)


def of_user(request: UserRequest, *, named: bool = False) -> list[Problem]:
    """Returns what is wrong with the fields of a user. `named`: it must have a name."""
    problems = _name_problems(request.name, named=named)
    for path, value in (
        ("displayName", request.display_name),
        ("firstName", request.first_name),
        ("lastName", request.last_name),
        ("email", request.email),
    ):
        problems += bounds.text(path, value, longest=bounds.LONGEST_NAME)
    problems += bounds.text("imageUrl", request.image_url)
    return problems + bounds.json("jsondata", request.jsondata)


def _name_problems(name: str | None, *, named: bool) -> list[Problem]:
    if name is not None and not name.strip() and not named:
        return [Problem("name", "must not be empty.")]
    return bounds.text("name", name, longest=bounds.LONGEST_NAME, required=named)


def name_is_taken(name: str) -> Problem:
    """Returns the problem of a name that another user has."""
    return Problem("name", f'the name "{name}" is taken.', name)
