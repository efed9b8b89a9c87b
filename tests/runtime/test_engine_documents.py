"""What an engine returns and no interface could show is refused when it is published, with the place."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.documents import NAN, READABLE, UNREADABLE
from tests.runtime.test_outputs import Desk

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure, Output


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.spec = msgspec.structs.replace(desk.spec, kind=EngineKind.PYTHON)
    return desk


def document(raw: bytes, **fields: Any) -> Output:
    return Output(media_type="application/json", data=raw, name="a.json", **fields)


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("as_file", [False, True])
async def test_a_document_that_cannot_be_served_is_refused(desk: Desk, kind: str, *, as_file: bool) -> None:
    raw, words = UNREADABLE[kind]
    output = document(raw)
    if as_file:
        (desk.directory / "written").write_bytes(raw)
        output = replace(output, data=None, path=Path("written"))
    with pytest.raises(EngineFailure) as raised:
        await desk.keep(document(b"{}"), output)
    assert raised.value.kind is FailureKind.INVALID_DATA
    place = words.split(" (")[0]
    assert place in raised.value.message or "more than 400" in raised.value.message
    assert '"a.json"' in raised.value.message
    assert desk.source.stored == {}


@pytest.mark.parametrize("kind", READABLE)
async def test_a_document_that_can_be_served_is_stored_as_it_is(desk: Desk, kind: str) -> None:
    [stored] = await desk.keep(document(READABLE[kind]))
    assert stored.size == len(READABLE[kind])


async def test_documents_of_others_are_passed_on_as_they_are(desk: Desk) -> None:
    await desk.keep(Output(media_type="text/plain", data=NAN))
    for spec in (
        msgspec.structs.replace(desk.spec, kind=EngineKind.NATIVE),
        msgspec.structs.replace(desk.spec, ingests=True),
    ):
        desk.spec = spec
        await desk.keep(document(NAN))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"index": 1 << 31}, "index"),
        ({"start_ms": 1 << 70}, "start_ms"),
        ({"stop_ms": -(1 << 40)}, "stop_ms"),
        ({"metadata": {"a": "\ud800"}}, "metadata"),
        ({"metadata": {"a": 10**5000}}, "metadata"),
        ({"metadata": {"a": object()}}, "metadata"),
    ],
)
async def test_positions_and_metadata_that_cannot_be_shown_are_refused(
    desk: Desk, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(EngineFailure, match=words):
        await desk.keep(document(b"{}", **fields))
