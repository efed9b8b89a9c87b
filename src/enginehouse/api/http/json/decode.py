"""Turns the bytes of a request body into the struct that an operation takes."""

from typing import Any, Final, Generic, TypeVar

import msgspec

from enginehouse.api.http.json import casing, check, prune, reader
from enginehouse.domain.errors import InvalidInput, Problem

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode


class Body(Generic[T]):
    """A kind of body, prepared once and read often.

    The struct forbids unknown fields, omits defaults and holds nothing of a free form, so that a body which fits it as
    it stands is known to be strict JSON without a second look. Every other body gets that look, and may still be right;
    of a `free` kind, with parts of any form, each does, and its keys are understood as they are spelled.
    Unknown fields are passed over, unless the body is `exact`: then a mistyped one must not pass for one left out.
    """

    def __init__(self, wanted: type[T], *, free: bool = False, exact: bool = False) -> None:
        self.wanted: Final = wanted
        self._free: Final = free
        self._names: Final = casing.names(wanted) if exact else None
        self._decode: Final = msgspec.json.Decoder(wanted).decode
        self._other: Final = {} if free else casing.alternatives(wanted)

    def read(self, raw: bytes) -> T:
        """The struct in `raw`; ids in either casing. Raises InvalidInput."""
        if not self._free and b"\\u00" not in raw:
            try:
                value = self._decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return self._read_closely(raw)
            if not reader.lost_a_key(raw, _encode(value)):
                return value
        return self._read_closely(raw)

    def judged(self, raw: bytes) -> tuple[T, list[Problem]]:
        """The struct in `raw` without the values that do not fit, and what is wrong with those.

        For whoever has more to say about the rest, so that all problems are told at once. Raises InvalidInput where
        nothing is left to judge: the text is no JSON, or the body no object of the kind.
        """
        try:
            return self.read(raw), []
        except InvalidInput as refused:
            rest = prune.without(self._looked_at(raw), [problem.path for problem in refused.problems])
            try:
                return msgspec.convert(rest, self.wanted), refused.problems
            except msgspec.ValidationError:
                raise refused from None

    def _read_closely(self, raw: bytes) -> T:
        return check.fit(self.wanted, self._looked_at(raw))

    def _looked_at(self, raw: bytes) -> Any:
        found = casing.respelled(reader.read(raw), self._other)
        if self._names is not None and isinstance(found, dict) and (unknown := found.keys() - self._names):
            raise InvalidInput([Problem(name, "unknown field.") for name in sorted(unknown)])
        return casing.known(self.wanted, found)
