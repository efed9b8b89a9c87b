"""A body that fits directly is accepted at once. Every other one is checked closely. Both give the same result."""

import msgspec
import pytest

from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.domain.errors import InvalidInput


class Part(msgspec.Struct, rename=spelled, forbid_unknown_fields=True, omit_defaults=True):
    part_id: str = ""
    note: str | None = None


class Whole(msgspec.Struct, rename=spelled, forbid_unknown_fields=True, omit_defaults=True):
    parts: list[Part] | None = None
    size: int = 0


BODY = Body(Whole)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (b'{"size":1,"parts":[{"partID":"a:b","note":"c"}]}', Whole([Part("a:b", "c")], 1)),
        (b'{ "size" : 1 }', Whole(None, 1)),
        (b'{"size":0,"parts":null}', Whole()),
        (b'{"parts":[{"partId":"a"}]}', Whole([Part("a")])),
        (b'{"parts":[{"partId":"a","partID":"b"}]}', Whole([Part("b")])),
        (b'{"new":{"deep":[1]},"parts":[{"partID":"a","also":1}]}', Whole([Part("a")])),
        (b'{"parts":[{"note":"a\\u003ab\\u00e9"}]}', Whole([Part("", "a:bé")])),
    ],
)
def test_what_was_meant_is_read(raw: bytes, meant: Whole) -> None:
    assert BODY.read(raw) == meant


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"size":1,"size":1}', 'duplicate key "size" at byte 10.'),
        (b'{"parts":[{"note":"a\\u003a","note":"b\\u003ac"}]}', 'duplicate key "note" at byte 28.'),
        (b'{"parts":[{"note":"a\\u0000"}]}', "parts[0].note: character U+0000 at position 2 is not allowed."),
        (b'{"parts":[{"note":1}],"other":2}', "parts[0].note: string, got 1."),
        (b'{"other":' + b"[" * 70 + b"]" * 70 + b"}", "JSON nested deeper than 64 at byte 72."),
        (b'{"size":1', "Body is not valid JSON: unexpected end at byte 9."),
    ],
)
def test_what_is_wrong_is_refused(raw: bytes, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        BODY.read(raw)
    assert refused.value.message == text
