"""The documented operations that this server refuses with 501: `unserved.txt`, a method, a path and `open` in a line.

`open` marks those that ask for no token.
"""

from collections.abc import Iterator
from importlib import resources

from enginehouse.api.http.call import Reply, Request
from enginehouse.domain.errors import NotImplementedYet


def operations() -> Iterator[tuple[str, str, bool]]:
    """(method, path template, asks for no token) of each."""
    text = resources.files(__package__).joinpath("unserved.txt").read_text()
    for line in text.splitlines():
        method, template, *rest = line.split()
        yield method, template, rest == ["open"]


async def refuse(request: Request) -> Reply:
    """The operation is known, and not served."""
    raise NotImplementedYet("This operation is documented, but this server does not serve it.")
