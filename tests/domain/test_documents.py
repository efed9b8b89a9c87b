"""Every document of an engine is read, or refused with its place."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from tests.documents import DOCUMENTS, READABLE, UNREADABLE

from enginehouse.domain.documents import DEEPEST, DocumentError, is_json, read_document


def outcome(raw: bytes) -> tuple[Any, str | None]:
    """Returns the value, or what is wrong."""
    try:
        return read_document(raw), None
    except DocumentError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_wrong_is_said_with_its_place(kind: str) -> None:
    raw, words = UNREADABLE[kind]
    with pytest.raises(DocumentError) as raised:
        read_document(raw)
    assert words in str(raised.value)


@pytest.mark.parametrize("kind", READABLE)
def test_what_is_unusual_is_read(kind: str) -> None:
    read_document(READABLE[kind])


@given(DOCUMENTS)
@example(b"[" * DEEPEST + b"]" * DEEPEST)
@example(b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST)
def test_what_is_read_can_be_sent_again(raw: bytes) -> None:
    value, fault = outcome(raw)
    if fault is None:
        assert read_document(msgspec.json.encode(value)) == value
    else:
        assert fault.startswith("not valid JSON")
        assert fault.isprintable()


def test_a_text_without_an_end_is_read_once() -> None:
    """With a new search from each of its quotation marks it would take hours."""
    with pytest.raises(DocumentError, match="at line 1 column 2 "):
        read_document(b'["' + b'\\"' * 500_000)


def test_a_fault_far_inside_a_large_document_is_named_by_its_byte() -> None:
    with pytest.raises(DocumentError, match="at byte 2000003 "):
        read_document(b"[" + b" " * 2_000_001 + b"NaN]")


def test_a_document_says_that_it_is_json() -> None:
    assert [is_json(kind) for kind in ("application/json; charset=utf-8", "Application/AION+JSON")] == [True, True]
    assert [is_json(kind) for kind in ("text/plain", "application/x-ndjson", "")] == [False, False, False]
