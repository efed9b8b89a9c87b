"""Rules of the kernel about the files, signals and connections of this process and of everything that it starts."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION: Final = 1
_PATH: Final = 1
_SIGNALS_FROM: Final = 6  # the first version that keeps signals inside
_TRUNCATE_FROM: Final = 3  # the first version that knows a call that cuts a file by its path
_NETWORK_FROM: Final = 4

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _DEVICE = 1 << 13, 1 << 14, 1 << 15
_ALL: Final = (1 << 13) - 1
_SINCE: Final = {2: _REFER, _TRUNCATE_FROM: _TRUNCATE, 5: _DEVICE}
_OF_FILES: Final = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
_TCP: Final = 0b11  # bind and connect
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2


def version() -> int:
    """Returns the version of Landlock in this kernel, 0 if there is none."""
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)))


def keeps_signals() -> bool:
    """Returns True if the kernel itself keeps signals inside."""
    return version() >= _SIGNALS_FROM


def keeps_lengths() -> bool:
    """Returns True if the kernel itself keeps an engine from cutting a foreign file."""
    return version() >= _TRUNCATE_FROM


def restrict(read: Iterable[str], write: Iterable[str], *, network: bool) -> None:
    """This process only reads what is below `read` and `write`, and only changes what is below `write`.

    A path that does not exist is left out. Raises OSError.
    """
    abi = version()
    handled = _ALL
    for since, bit in _SINCE.items():
        handled |= bit if abi >= since else 0
    attributes = struct.pack("Q", handled)
    if abi >= _NETWORK_FROM:
        attributes += struct.pack("Q", 0 if network else _TCP)
    if abi >= _SIGNALS_FROM:
        attributes += struct.pack("Q", _ABSTRACT_SOCKETS | _SIGNALS)
    rules = _call(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), 0)
    try:
        for paths, allowed in ((read, _EXECUTE | _READ | _LIST), (write, handled)):
            for path in paths:
                _allow(rules, path, allowed)
        _call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, allowed: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            allowed &= _OF_FILES
        _call(_ADD, rules, _PATH, ctypes.c_char_p(struct.pack("=Qi", allowed, place)), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused a rule")
    return result
