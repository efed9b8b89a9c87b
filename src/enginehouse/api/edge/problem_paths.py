"""Says the problems of an operation in the words of a REST body."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from enginehouse.domain.errors import InvalidInput, MalformedId, NotFound, NotImplementedYet, Problem


@contextmanager
def within(name: str, words: Mapping[str, str]) -> Iterator[None]:
    """Problems in the block have paths in the object `name` of the body: `jsondata` is `user.kvpJSON`.

    Without a name they are of the body itself.

    `words` are the fields with other names in REST. Of several problems at one path only the first is kept.
    """
    prefix = f"{name}." if name else ""
    try:
        yield
    except InvalidInput as refused:
        raise InvalidInput(list(_told(refused.problems, prefix, words))) from None
    except NotFound as missing:
        if not missing.path:
            raise
        path = _path(missing.path, prefix, words)
        if isinstance(missing, MalformedId):
            raise MalformedId(missing.object_type, missing.object_id, missing.forms, path=path) from None
        raise NotFound(missing.object_type, missing.object_id, path=path) from None


def _told(problems: list[Problem], prefix: str, words: Mapping[str, str]) -> Iterator[Problem]:
    seen = set[str]()
    for problem in problems:
        path = _path(problem.path, prefix, words)
        if path not in seen:
            seen.add(path)
            yield replace(problem, path=path)


def _path(path: str, prefix: str, words: Mapping[str, str]) -> str:
    if not path or (prefix and path.startswith(prefix)):
        return path
    first, rest = re.split(r"(?=[.\[])|$", path, maxsplit=1)
    return f"{prefix}{words.get(first, first)}{rest}"


def refuse_unkept(name: str, values: Mapping[str, object]) -> None:
    """Raises NotImplementedYet for the first value that is given: the server has no place for it."""
    for field, value in values.items():
        if value:
            path = f"{name}.{field}" if name else field
            raise NotImplementedYet(f"{path}: this server has no such field; leave it out.")
