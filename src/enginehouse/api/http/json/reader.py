"""Reads a request body as strict JSON: an accepted body has one meaning and can be stored."""

import re
from json import JSONDecoder
from typing import Any, Final, NoReturn

import msgspec

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.numbers import InexactNumber, exact_float, unfit

MAX_DEPTH: Final = 64

_DEEP: Final = b"\n" + b" " * MAX_DEPTH
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_KEY: Final = re.compile(rb'("(?:[^"\\]|\\.)*")[ \t\r\n]*:|"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)
_NUMBER: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?[0-9][0-9.eE+-]*)', re.DOTALL)
_AT: Final = re.compile(r"(?:JSON is malformed: )?(?P<why>.*) \(byte (?P<byte>\d+)\)", re.DOTALL)
_NOT_NUMBERS: Final = (b"NaN", b"Infinity")

_decode: Final = msgspec.json.Decoder(float_hook=exact_float).decode
_encode: Final = msgspec.json.Encoder().encode


def read(raw: bytes) -> Any:
    """Returns the JSON value in `raw`: UTF-8, no key twice in an object, at most 64 levels, numbers that fit, no NUL.

    Raises InvalidInput, which names the byte, or for a NUL the path. (reliability §5, B61 and B63–B65)
    """
    try:
        plain = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        _refuse(raw, error)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _DEEP in msgspec.json.format(raw, indent=1):
        _check_depth(raw)
    if b"\\u00" in raw:
        refuse_nul(plain)
    if lost_a_key(raw, _encode(plain)):
        _refuse_repeated_key(raw)
    return plain


def lost_a_key(raw: bytes, encoded: bytes) -> bool:
    """Returns False only if everything in `raw` is also in `encoded`, the encoding of the decoded value.

    Decoding keeps one of two equal keys of an object. Then the colon of the other one is missing. Colons inside texts
    stay. Only an escaped colon could hide a missing one.
    """
    return b"\\u003" in raw or raw.count(b":") != encoded.count(b":")


class InexactInput(InvalidInput):
    """Numbers of the body cannot be read without changing them."""


class _Unfit(str):
    """A number that does not fit, as it is written."""

    __slots__ = ()


def _number(text: str) -> float | _Unfit:
    try:
        return exact_float(text)
    except InexactNumber:
        return _Unfit(text)


_decode_all: Final = msgspec.json.Decoder(float_hook=_number).decode


def _refuse_inexact(raw: bytes) -> Exception:
    """Raises InexactInput, which names every number that would be changed when it is read.

    Returns what else is wrong, which comes first.
    """
    try:
        plain = _decode_all(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return error
    problems: list[Problem] = []
    _find_unfit(plain, "", problems)
    raise InexactInput(problems)


def _find_unfit(value: Any, path: str, problems: list[Problem]) -> None:
    match value:
        case _Unfit():
            problems.append(Problem(path, unfit(value), value[:40]))
        case list():
            for index, item in enumerate(value):
                _find_unfit(item, f"{path}[{index}]", problems)
        case dict():
            for key, item in value.items():
                _find_unfit(item, f"{path}.{key}" if path else key, problems)


def _refuse(raw: bytes, error: Exception) -> NoReturn:
    if isinstance(error, msgspec.ValidationError):
        error = _refuse_inexact(raw)
    if raw.startswith(b"\xef\xbb\xbf"):
        raise InvalidInput("Body is not valid JSON: it starts with a byte order mark; send plain UTF-8.")
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or 0 in raw[:2]:
        raise InvalidInput("Body is not valid JSON: it is UTF-16 or UTF-32; send UTF-8.")
    try:
        raw.decode()
    except UnicodeDecodeError as bad:
        raise InvalidInput(f"Body is not valid JSON: invalid UTF-8 at byte {bad.start}.") from None
    if isinstance(error, RecursionError):
        _check_depth(raw)
    found = _AT.fullmatch(str(error))
    if found is None:
        _refuse_number(raw, error)
    why, at = found["why"], int(found["byte"])
    word = next((word for word in _NOT_NUMBERS if raw.startswith(word, at)), None)
    if word is not None:
        raise InvalidInput(f"{word.decode()} is not JSON (byte {at}).")
    raise InvalidInput(f"Body is not valid JSON: {why} at byte {at}.")


def _refuse_number(raw: bytes, error: Exception) -> NoReturn:
    """Raises InvalidInput with the byte of a number that is too large, or of the early end.

    The decoder does not name them.
    """
    if "truncated" in str(error):
        raise InvalidInput(f"Body is not valid JSON: unexpected end at byte {len(raw)}.")
    for token in _NUMBER.finditer(raw):
        try:
            if token[1] is not None:
                _decode(token[1])
        except msgspec.DecodeError:
            raise InvalidInput(f"number too large at byte {token.start()}.") from None
    raise InvalidInput(f"Body is not valid JSON: {error}.")


def _check_depth(raw: bytes) -> None:
    depth = 0
    for token in _TOKEN.finditer(raw):
        if token[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidInput(f"JSON nested deeper than {MAX_DEPTH} at byte {token.start()}.")
        elif token[0] in b"]}":
            depth -= 1


def _refuse_repeated_key(raw: bytes) -> None:
    """No object has a key twice. Raises InvalidInput, which names the first repeated key. `raw` is valid JSON."""
    read_key = JSONDecoder().decode
    open_objects: list[set[str]] = []
    for token in _KEY.finditer(raw):
        if token[0] == b"{":
            open_objects.append(set())
        elif token[0] == b"}":
            open_objects.pop()
        elif token[1] is not None:
            key = read_key(token[1].decode())
            if key in open_objects[-1]:
                raise InvalidInput(f'duplicate key "{key}" at byte {token.start()}.')
            open_objects[-1].add(key)


def refuse_nul(plain: Any) -> None:
    """No text has a NUL, which the database cannot store. Raises InvalidInput, which names every text with one."""
    problems: list[Problem] = []
    _find_nul(plain, "", problems)
    if problems:
        raise InvalidInput(problems)


def _find_nul(value: Any, path: str, problems: list[Problem]) -> None:
    match value:
        case str() if "\0" in value:
            problems.append(Problem(path, f"character U+0000 at position {value.index(chr(0)) + 1} is not allowed."))
        case list():
            for index, item in enumerate(value):
                _find_nul(item, f"{path}[{index}]", problems)
        case dict():
            for key, item in value.items():
                here = f"{path}.{key}" if path else key
                if "\0" in key:
                    problems.append(Problem(path, "a key holds the character U+0000, which is not allowed."))
                else:
                    _find_nul(item, here, problems)
