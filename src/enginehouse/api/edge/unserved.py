"""The documented operations that this server refuses with 501. Each line of `unserved.txt` has a method and a path.

`open` after them marks an operation that needs no token.
"""

from collections.abc import Iterator
from importlib import resources

from enginehouse.api.http.call import Reply, Request
from enginehouse.domain.errors import NotImplementedYet


def operations() -> Iterator[tuple[str, str, bool]]:
    """Yields (method, path template, needs no token) for each operation."""
    text = resources.files(__package__).joinpath("unserved.txt").read_text()
    for line in text.splitlines():
        method, template, *rest = line.split()
        yield method, template, rest == ["open"]


async def refuse(request: Request) -> Reply:
    """Raises NotImplementedYet: the operation is known, but not served."""
    raise NotImplementedYet("This operation is documented, but this server does not serve it.")
