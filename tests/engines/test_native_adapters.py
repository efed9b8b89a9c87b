"""The adapters: the source of a job's data, its name, and the error if there is none."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.servers import http, listening
from tests.engines.native_context import Bench, bench_at, data

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.push import PushAdapter
from enginehouse.engines.native.webstream import TV_AND_RADIO, WEBSTREAM


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


def test_every_published_id_has_its_engine_and_every_engine_its_category() -> None:
    published = {
        *("9e611ad7-2d3b-48f6-a51b-0a1ba40fe255", "9e611ad7-2d3b-48f6-a51b-0a1ba40feab4"),
        *("74dfd76b-472a-48f0-8395-c7e01dd7fd24", "74dfd76b-472a-48f0-8395-c7e01dd7f255"),
        *("352556c7-de07-4d55-b33f-74b1cf237f25", "75fc943b-b5b0-4fe1-bcb6-9a7e1884257a"),
        *("8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440", "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"),
        *("045e675b-ed7c-43bf-8300-a2f2102f57a4", "bb544ade-461c-11ea-8604-a3b3a83f5182"),
        *("29694232-a4f5-4622-a422-b48f206ca52a", "fc004413-89f0-132a-60b2-b94522fb7e66"),
        *("c2aaa6d7-14fa-f840-f77e-4d2c0b857fa8", "915bb300-bfa8-4ce6-8498-50d43705a144"),
    }
    ids = [spelling for engine in ENGINES for spelling in (engine.spec.id, *engine.spec.aliases)]
    assert published <= set(ids)
    assert len(ids) == len(set(ids))
    assert len({engine.spec.slug for engine in ENGINES}) == len(ENGINES)
    assert {engine.spec.category_id for engine in ENGINES} <= {category.id for category in CATEGORIES}


async def test_a_url_becomes_a_stream_with_its_type_and_name(bench: Bench) -> None:
    for adapter in (WEBSTREAM, TV_AND_RADIO):
        body = b"# Harbour\n" * 300_000
        async with listening(http(body, Content_Type="text/plain; charset=utf-8")) as server:
            [output] = await bench.run(adapter, payload={"url": server.url("/harbour.md?signature=secret")})
        assert (output.media_type, output.name, data(output)) == ("text/markdown", "harbour.md", body)
        assert output.folder is None  # every output folder
        assert "secret" not in "".join(bench.lines)


async def test_text_in_the_payload_becomes_a_stream(bench: Bench) -> None:
    [output] = await bench.run(WEBSTREAM, payload={"text": "Přístav ležel tiše."})
    assert (output.media_type, data(output).decode()) == ("text/plain", "Přístav ležel tiše.")
    [empty] = await bench.run(WEBSTREAM, payload={"text": ""})
    assert data(empty) == b""


async def test_without_either_the_primary_asset_is_the_stream(bench: Bench) -> None:
    bench.primary = await bench.chunk(b"RIFF\0\0\0\0WAVE", "application/octet-stream", name="speech")
    for payload in (None, {}, {"url": None, "text": None}, {"url": ""}):
        [output] = await bench.run(WEBSTREAM, payload=payload)
        assert (output.media_type, output.name, data(output)) == ("audio/wav", "speech", b"RIFF\0\0\0\0WAVE")
    assert bench.primary.path.exists()


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (None, "payload.url: missing, and the job's target has no primary asset. Give payload.url or payload.text"),
        ({"url": 7}, "payload.url: text is needed, got 7."),
        ({"text": ["a"]}, "payload.text: text is needed, got a list."),
        ({"url": "http://a.example/", "text": "b"}, "payload: give url or text, not both."),
        ("http://a.example/", 'payload: an object is needed, got "http://a.example/".'),
        ({"url": "file:///etc/passwd"}, 'url: scheme "file" is not allowed; use http or https.'),
    ],
)
async def test_a_payload_that_names_no_data_is_refused_by_its_path(bench: Bench, payload: Any, message: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        await bench.run(WEBSTREAM, payload=payload)
    assert caught.value.message.startswith(message)
    assert caught.value.kind in (FailureKind.INVALID_DATA, FailureKind.URL_NOT_ALLOWED)


async def test_a_missing_page_is_the_urls_failure(bench: Bench) -> None:
    async with listening(http(b"no", status="404 Not Found")) as server:
        with pytest.raises(EngineFailure) as caught:
            await bench.run(WEBSTREAM, payload={"url": server.url()})
    assert caught.value.kind is FailureKind.URL_NOT_FOUND


async def test_a_stream_that_breaks_off_is_a_failure_and_no_output(bench: Bench) -> None:
    async with listening(http(b"half", length=100)) as server:
        with pytest.raises(EngineFailure) as caught:
            await bench.run(WEBSTREAM, payload={"url": server.url()})
    assert caught.value.kind is FailureKind.URL_ERROR


async def test_a_push_adapter_without_an_endpoint_says_so(bench: Bench) -> None:
    with pytest.raises(EngineFailure, match="give a route of it an endpoint"):
        await bench.run(PushAdapter())


async def test_a_push_adapter_passes_on_what_is_pushed(bench: Bench) -> None:
    chunk = await bench.chunk(b"\0x", "image/png")
    [made] = await bench.run(PushAdapter(), chunk)
    assert made.path is not None
    assert (made.media_type, made.path.read_bytes(), made.metadata) == ("image/png", b"\0x", chunk.metadata)


async def test_no_operation_does_nothing(bench: Bench) -> None:
    assert await bench.run(Noop(), await bench.chunk(b"x", "text/plain"), payload={"any": 1}) == []
