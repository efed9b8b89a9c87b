"""Where a log may be cut: between two lines, and where that cannot be, between two characters."""

from typing import Final

_CONTINUES: Final = range(0x80, 0xC0)  # the bytes of a character in UTF-8 after its first one
_LONGEST_CHARACTER: Final = 4


def cut_end(data: bytes, room: int) -> bytes:
    """Returns the beginning of the data that has room. It ends with a line, or inside a line that is longer than half.

    It never ends inside a character.
    """
    if len(data) <= room:
        return data
    lines = data.rfind(b"\n", 0, room) + 1
    return data[: lines if lines > room // 2 else _character(data, room)]


def cut_start(data: bytes, room: int) -> bytes:
    """Returns the end of the data that has room. It begins with a line, or inside a line that is longer than half.

    It never begins inside a character.
    """
    if len(data) <= room:
        return data
    first = len(data) - room
    line = data.find(b"\n", first - 1) + 1
    if 0 < line <= first + room // 2:
        return data[line:]
    start = next((at for at in range(first, len(data)) if data[at] not in _CONTINUES), len(data))
    return data[start if start - first < _LONGEST_CHARACTER else first :]


def without_half_character(data: bytes) -> bytes:
    """Returns the data without a character at its end whose last bytes are missing: a log that still grows."""
    for after, place in enumerate(range(len(data) - 1, max(len(data) - _LONGEST_CHARACTER, -1), -1)):
        if data[place] not in _CONTINUES:
            return data[:place] if _length(data[place]) > after + 1 else data
    return data


def _length(first: int) -> int:
    """Returns the length of the character that begins with this byte."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _character(data: bytes, at: int) -> int:
    """Returns the next place at or before this one where a character begins. What is not UTF-8 is cut anywhere."""
    for place in range(at, max(at - _LONGEST_CHARACTER, -1), -1):
        if data[place] not in _CONTINUES:
            return place if data[place] >= 0xC0 else at
    return at
