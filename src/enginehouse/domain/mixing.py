"""Arithmetic that makes numbers look unlike their neighbours, and tells a mistyped one from a real one.

None of it is a secret or protects anything: every object is guarded by its organization.
"""

from typing import Final

_FIRST: Final = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835
_SECOND: Final = 0xC2B2_AE3D_27D4_EB4F_1656_67B1_9E37_79F9
_FOLD: Final = 0xFF51_AFD7_ED55_8CCD_C4CE_B9FE_1A85_EC53
_WORD: Final = (1 << 64) - 1


class Mix:
    """A bijection of the integers of `bits` bits, and its inverse."""

    __slots__ = ("_back_first", "_back_second", "_first", "_half", "_second", "mask")

    def __init__(self, bits: int) -> None:
        self.mask = (1 << bits) - 1
        self._half = (bits + 1) // 2
        self._first = _FIRST & self.mask | 1
        self._second = _SECOND & self.mask | 1
        self._back_first = pow(self._first, -1, 1 << bits)
        self._back_second = pow(self._second, -1, 1 << bits)

    def apply(self, value: int) -> int:
        value = value * self._first & self.mask
        value ^= value >> self._half
        value = value * self._second & self.mask
        return value ^ value >> self._half

    def undo(self, value: int) -> int:
        # A shift by at least half the width is its own inverse.
        value ^= value >> self._half
        value = value * self._back_second & self.mask
        value ^= value >> self._half
        return value * self._back_first & self.mask


def check(value: int, bits: int) -> int:
    """`bits` (up to 32) that depend on every bit of `value` (up to 128)."""
    folded = (value ^ value >> 61) * _FOLD
    folded ^= folded >> 64
    return (folded * _FIRST & _WORD) >> 64 - bits
