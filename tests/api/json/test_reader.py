"""Bodies are read strictly: one meaning, nothing that the database cannot store, and every fault with its byte."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.api.http.json import reader
from enginehouse.domain.errors import InvalidInput

WRONG = {
    b'{"a":1,}': "Body is not valid JSON: trailing comma in object at byte 7.",
    b"{'a':1}": "Body is not valid JSON: object keys must be strings at byte 1.",
    b'{"a":-Infinity}': "Infinity is not JSON (byte 6).",
    b'{"a":1e999}': "a: 1e999 does not fit into 64 bits exactly; send it as a string.",
    b'["1e999", -1e400]': "[1]: -1e400 does not fit into 64 bits exactly; send it as a string.",
    b'{"a":[1.5,{"b":9007199254740993.0}]}': (
        "a[1].b: 9007199254740993.0 does not fit into 64 bits exactly; send it as a string."
    ),
    b'{"a":1e-400,}': "Body is not valid JSON: trailing comma in object at byte 12.",
    b'{"a":{"b":1,"c":2,"b":3}}': 'duplicate key "b" at byte 18.',
    b'{"a" : 1, "a" : 2}': 'duplicate key "a" at byte 10.',
    b'{"a":1,"\\u0061":2}': 'duplicate key "a" at byte 7.',
    b'{"a\\\\":1,"a\\u005c":2}': 'duplicate key "a\\" at byte 9.',
    b'{"a":["x","y\\u0000"]}': "a[1]: character U+0000 at position 2 is not allowed.",
    b'{"a":{"b\\u0000":1}}': "a: a key holds the character U+0000, which is not allowed.",
    b'{"a":"\xc3"}': "Body is not valid JSON: invalid UTF-8 at byte 6.",
    b"[" * 65 + b"]" * 65: "JSON nested deeper than 64 at byte 64.",
    b"[" * 65 + b"1" + b"]" * 65: "JSON nested deeper than 64 at byte 64.",
    b'{"a":' * 100_000: "JSON nested deeper than 64 at byte 320.",
}


@pytest.mark.parametrize(("raw", "text"), WRONG.items(), ids=range(len(WRONG)))
def test_a_wrong_body_is_refused_with_the_place(raw: bytes, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reader.read(raw)
    assert refused.value.message == text


@pytest.mark.parametrize(
    "raw", [b'{"a":"\\ud800"}', b'{"a":"\\udc00 and more text"}', b'{"a":1}x', b"nul", b"\x00", b"{\x00}"]
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        reader.read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 64 + b"]" * 64,
        b'{"a":"x\\": y","b":"c : d","e\\\\":1}',
        b'{"a":"\\\\u0000"}',
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
        b"[" + b",".join([b'{"x":[]}'] * 200) + b"]",
    ],
)
def test_what_only_looks_wrong_is_read(raw: bytes) -> None:
    assert reader.read(raw) == json.loads(raw)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(_json, st.sampled_from([None, 1]), st.booleans())
def test_every_value_is_read_back_however_it_is_written(value: Any, indent: int | None, ascii_only: bool) -> None:
    assert reader.read(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()) == value


@given(st.lists(st.tuples(st.text('a"\\: ', max_size=3), st.text('a"\\:,{ ', max_size=4)), max_size=5), st.booleans())
def test_a_key_is_found_twice_exactly_when_it_is_there_twice(pairs: list[tuple[str, str]], spaced: bool) -> None:
    colon = " :" if spaced else ":"
    raw = "{" + ",".join(f"{json.dumps(key)}{colon}{json.dumps(value)}" for key, value in pairs) + "}"
    if len(dict(pairs)) == len(pairs):
        assert reader.read(raw.encode()) == dict(pairs)
    else:
        with pytest.raises(InvalidInput, match="duplicate key"):
            reader.read(raw.encode())


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        reader.read(raw)
    except InvalidInput:
        return
    json.loads(raw)
