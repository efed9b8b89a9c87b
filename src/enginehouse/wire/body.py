"""How the bytes of a request body become the struct that an operation is called with."""

from typing import Final, Generic, TypeVar

from enginehouse.wire import casing, check, plain

T = TypeVar("T")


class Body(Generic[T]):
    """A kind of body, prepared once and read often."""

    def __init__(self, wanted: type[T]) -> None:
        self.wanted: Final = wanted
        self._other: Final = casing.alternatives(wanted)
        self._signs: Final = tuple(f'"{name}"'.encode() for name in self._other)

    def read(self, raw: bytes) -> T:
        """The struct in `raw`; ids in either casing, unknown fields passed over. Raises InvalidInput."""
        value = plain.read(raw)
        for sign in self._signs:
            if sign in raw:
                value = casing.respelled(value, self._other)
                break
        return check.fit(self.wanted, value)
