"""Work items as what follows from their ends sees them: what each reads, and what it has been charged for."""

from typing import Final

import msgspec


class Source(msgspec.Struct, frozen=True):
    """The artifact a chunk item reads, and the input folder it arrives in."""

    folder: int
    ordinal: int
    output_folder: int
    item: int
    part: int


WHOLE: Final = Source(-1, -1, -1, -1, -1)


class ItemState(msgspec.Struct, frozen=True):
    """A leased item: its key, and what it has been charged for so far."""

    ordinal: int
    item: int
    attempts: int
    failures: int
    lost: int


class Later(msgspec.Struct, frozen=True):
    """An item that is to be tried again, not before `at`, charged as said."""

    item: ItemState
    at: int
    failures: int
    lost: int
