"""The body of every refusal."""

import msgspec


class Flaw(msgspec.Struct, frozen=True, omit_defaults=True):
    """One problem of a request: its path, and what is allowed there."""

    path: str
    message: str
    value: str | None = None
    allowed: str | None = None


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """`id` is a code, `description` the first problem in a line, `detail` all problems (rest-contract §1.4).

    `errors` is ours, and lists the same problems one by one.
    """

    id: str
    description: str
    detail: str
    errors: tuple[Flaw, ...] = ()
