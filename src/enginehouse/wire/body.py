"""How the bytes of a request body become the struct that an operation is called with."""

from typing import Final, Generic, TypeVar

import msgspec

from enginehouse.wire import casing, check, plain

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode


class Body(Generic[T]):
    """A kind of body, prepared once and read often.

    The struct forbids unknown fields, omits defaults and holds nothing of a free form, so that a body which fits it as
    it stands is known to be strict JSON without a second look. Every other body gets that look, and may still be right.
    """

    def __init__(self, wanted: type[T]) -> None:
        self.wanted: Final = wanted
        self._decode: Final = msgspec.json.Decoder(wanted).decode
        self._other: Final = casing.alternatives(wanted)

    def read(self, raw: bytes) -> T:
        """The struct in `raw`; ids in either casing, unknown fields passed over. Raises InvalidInput."""
        if b"\\u00" not in raw:
            try:
                value = self._decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return self._read_closely(raw)
            if not plain.lost_a_key(raw, _encode(value)):
                return value
        return self._read_closely(raw)

    def _read_closely(self, raw: bytes) -> T:
        respelled = casing.respelled(plain.read(raw), self._other)
        return check.fit(self.wanted, casing.known(self.wanted, respelled))
