"""Turns the bytes of a request body into the struct that an operation takes."""

from typing import Any, Final, Generic, TypeVar

import msgspec

from enginehouse.api.http.json import casing, check, prune, reader
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.numbers import exact_float

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode


class Body(Generic[T]):
    """A kind of body, which is prepared once and used for many requests.

    The struct forbids unknown fields, omits defaults and has no parts of free form. So a body that fits it directly is
    strict JSON, and needs no second check. Every other body gets that check, and may still be valid. A body of a `free`
    kind, with parts of any form, always gets it, and its keys must have the right casing. Unknown fields are ignored,
    unless the body is `exact`: then a mistyped field is refused, so that it does not count as left out.
    """

    def __init__(self, wanted: type[T], *, free: bool = False, exact: bool = False) -> None:
        self.wanted: Final = wanted
        self._free: Final = free
        self._exact: Final = exact
        self._decode: Final = msgspec.json.Decoder(wanted, float_hook=exact_float).decode
        self._other: Final = {} if free else casing.alternatives(wanted)

    def read(self, raw: bytes) -> T:
        """Returns the struct in `raw`, with ids in either casing. Raises InvalidInput."""
        if not self._free and b"\\u00" not in raw:
            try:
                value = self._decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return self._read_closely(raw)
            if not reader.lost_a_key(raw, _encode(value)):
                return value
        return self._read_closely(raw)

    def judged(self, raw: bytes) -> tuple[T, list[Problem]]:
        """Returns the struct in `raw` without the values that do not fit, and the problems of those values.

        The caller can check the rest, so that one response has all problems. Raises InvalidInput if there is no rest:
        the text is not JSON, or the body is not an object of this kind.
        """
        try:
            return self.read(raw), []
        except InvalidInput as refused:
            rest = prune.without(self._spelled(raw), [problem.path for problem in refused.problems])
            try:
                return msgspec.convert(casing.known(self.wanted, rest), self.wanted), refused.problems
            except msgspec.ValidationError:
                raise refused from None

    def _read_closely(self, raw: bytes) -> T:
        plain = self._spelled(raw)
        known = casing.known(self.wanted, plain)
        unknown = casing.unknown(self.wanted, plain) if self._exact else []
        if unknown:
            listed = [Problem(path, "unknown field.") for path in unknown]
            raise InvalidInput(listed + check.problems(self.wanted, known))
        return check.fit(self.wanted, known)

    def _spelled(self, raw: bytes) -> Any:
        return casing.respelled(reader.read(raw), self._other)
