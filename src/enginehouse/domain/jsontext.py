"""Reads JSON text that a client put inside a string, and says what is wrong with invalid text."""

import json
from typing import Any, Final, NoReturn

import msgspec

from enginehouse.domain.numbers import InexactNumber, exact_float

_DECODER: Final = msgspec.json.Decoder(float_hook=exact_float)

_EXPECTED: Final = {
    "Expecting value": "expected a value",
    "Expecting ',' delimiter": "expected a comma",
    "Expecting ':' delimiter": "expected a colon",
    "Expecting property name enclosed in double quotes": "expected a name in double quotes",
    "Extra data": "expected the end",
    "Unterminated string starting at": "this string does not end",
    "Invalid control character at": "a control character must be escaped",
    "Invalid \\escape": "no such escape",
    "Invalid \\uXXXX escape": "\\u takes four hexadecimal digits",
}


class JsonTextError(ValueError):
    """The text is not JSON. The message says where, and what was expected."""


def read_json(text: str) -> Any:
    """Returns the value of the text. Raises JsonTextError with line and column, both counted from 1."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise JsonTextError("JSON nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise _fault(text) from None


def _fault(text: str) -> JsonTextError:
    try:
        json.loads(text, parse_constant=_refuse, parse_float=exact_float)
    except InexactNumber as error:
        return JsonTextError(str(error))
    except json.JSONDecodeError as error:
        expected = _EXPECTED.get(error.msg, error.msg)
        return JsonTextError(f"not valid JSON at line {error.lineno} column {error.colno} ({expected}).")
    except _ConstantError as error:
        return JsonTextError(f"not valid JSON ({error} is not JSON).")
    except (ValueError, RecursionError):
        pass
    return JsonTextError("not valid JSON (a number or a character that JSON cannot hold).")


class _ConstantError(Exception):
    """The text contains NaN or an infinity."""


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(constant)
