"""Documents that an engine may return: valid ones of every shape, and everything that is no JSON."""

import json
from typing import Any, Final

from hypothesis import strategies as st

NAN: Final = b'{"series":[{"startTimeMs":0,"stopTimeMs":1,"x":NaN}]}'
UNREADABLE: Final[dict[str, tuple[bytes, str]]] = {
    "NaN": (NAN, "line 1 column 48 (NaN is not JSON)"),
    "minus infinity": (b'{"x":\n -Infinity}', "line 2 column 3 (Infinity is not JSON)"),
    "a fraction too large": (b'{"x": 1e999}', "line 1 column 7 (this number is too large)"),
    "a whole number too large": (b"[" + b"9" * 5000 + b"]", "line 1 column 2 (this number is too large)"),
    "half a pair": (b'{"x": "\\ud800"}', "line 1 column 7 (this text holds half of a surrogate pair)"),
    "half a pair in a name": (b'{"\\udc00": 1}', "line 1 column 2 (this text holds half of a surrogate pair)"),
    "too deep": (b'{"x": ' + b"[" * 501 + b"]" * 501 + b"}", "line 1 column 506 (more than 500 lists"),
    "far too deep": (b"[" * 100_000, "line 1 column 501 (more than 500 lists"),
    "not UTF-8": (b'{"x":"\xff"}', "byte 7 (it is not UTF-8)"),
    "UTF-16": ('{"x": "ž"}'.encode("utf-16"), "byte 1 (it is not UTF-8)"),
    "empty": (b" \n", "(it is empty)"),
    "cut short": (b'{"x": [1, 2', "line 1 column 12 (expecting ',' delimiter)"),
    "more after it": (b'{"x": 1} {}', "line 1 column 10 (extra data)"),
    "a comma too many": (b"[1,\n]", "line 2 column 1 (expecting value)"),
}
"""By what is wrong: the bytes, and what the message says of their place."""

READABLE: Final[dict[str, bytes]] = {
    "a mark": b'\xef\xbb\xbf{"text": "marked"}',
    "a zero": b'{"text": "\\u0000"}',
    "a pair": b'{"text": "\\ud83d\\ude00"}',
    "deep": b'{"x": ' + b"[" * 300 + b"]" * 300 + b"}",
    "a large number": b'{"sentiment": {"positiveValue": ' + b"9" * 4000 + b"}}",
    "a name twice": b'{"text": "a", "text": "b"}',
    "a list": b"[1]",
    "nothing": b"null",
    "a number": b"1",
}

_NAMES = [
    *("series", "object", "words", "word", "text", "language", "sentiment", "positiveValue", "vendor", "tags", "media"),
    *("enginehouse", "chunks", "index", "startTimeMs", "stopTimeMs", "confidence", "bestPath", "type", "label"),
    *("validationContracts", "processedStats", "collateIndex", "sourceEngineId", "taskId", "languages", "embedding"),
]
_SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.integers(-(10**4000), 10**4000) | st.floats()
    | st.sampled_from(["transcript", "keyword", "en", "\ud800", "\0", "1e999999999", "x" * 50])
)  # fmt: skip
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=12,
)
SHAPES: Final = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=6)
"""Values with the names of AION documents, in every wrong shape."""


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()  # also NaN, infinities and half pairs, as an engine in Python writes them


DOCUMENTS: Final = st.one_of(
    SHAPES.map(_written),
    _VALUES.map(_written),
    st.sampled_from([*(raw for raw, _ in UNREADABLE.values()), *READABLE.values()]),
    st.tuples(SHAPES.map(_written), st.integers(0, 80)).map(lambda cut: cut[0][: cut[1]]),
    st.binary(max_size=30),
)
