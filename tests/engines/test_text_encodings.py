"""Text means the same however it comes in, in whatever encoding, and however many engines it passes."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.client.servers import Listener, http, listening
from tests.engines.native_context import CHUNK_OUT, STREAM_IN, Bench, bench_at, data
from tests.engines.reference import work

from enginehouse.engine import Chunk, EngineFailure, FailureKind, Output
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.webstream import WEBSTREAM
from enginehouse_engines.text import documents

FOLDERS = (STREAM_IN, CHUNK_OUT)
GERMAN = "Das Wetter ist heute schön, überall stehen grüne Bäume und große Häuser."
RUSSIAN = "Сегодня хорошая погода, и мы идём гулять в парк. Деревья зелёные."
JAPANESE = "今日は天気がとても良いです。緑の木がたくさんあります。"
CHINESE = "今天天气很好，到处都是绿色的树木和大房子。"
KOREAN = "오늘은 날씨가 아주 좋습니다. 어디에나 푸른 나무가 있습니다."
WORDS = "schön &lt;b&gt;"
TEXTS = {
    "latin-1": GERMAN,
    "cp1252": f"{GERMAN} “Fünf” – 5 €.",
    "cp1250": "Žluťoučký kůň úpěl ďábelské ódy a nesl těžký náklad.",
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "cp1253": "Ο καιρός είναι καλός σήμερα και τα δέντρα είναι πράσινα.",
    "shift_jis": JAPANESE,
    "euc_jp": JAPANESE,
    "iso2022_jp": JAPANESE,
    "gb18030": CHINESE,
    "big5": "今天天氣很好，到處都是綠色的樹木和大房子。",
    "euc_kr": KOREAN,
}
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
CASES = [*TEXTS.items(), *((name, text) for name in UNICODE for text in (GERMAN, RUSSIAN, JAPANESE, KOREAN))]
LABELS = {"cp1250": "windows-1250", "cp1251": "Windows-1251", "cp1252": "ISO-8859-1", "iso2022_jp": "iso-2022-jp"}
ROUTES = ("alone", "chunker", "webstream and chunker")
SOURCES = ("upload", "url", "asset by address")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


async def every_way(
    bench: Bench, content: bytes, media_type: str, *, sources: Sequence[str] = SOURCES, routes: Sequence[str] = ROUTES
) -> AsyncIterator[tuple[str, str, list[str]]]:
    """Yields each way, the text that an engine reads on it, and the media types of the engine's inputs."""
    async with listening(http(content, Content_Type=media_type)) as server:
        for source in sources:
            payload = await provide(bench, server, content, media_type, source)
            for route in routes:
                inputs = await routed(bench, payload, route)
                text = "\n\n".join(document.text for document in documents(work(*inputs)))
                yield f"{source}, {route}", text, [chunk.media_type for chunk in inputs]


async def provide(bench: Bench, server: Listener, content: bytes, media_type: str, source: str) -> dict[str, Any]:
    """Returns the payload of a job that reads the content from this source."""
    if source == "url":
        return {"url": server.url()}
    if source == "upload":
        bench.primary = await bench.chunk(content, media_type)
    else:
        async with bench.fetch(server.url()) as fetched:
            body = b"".join([block async for block in fetched.body])
            bench.primary = await bench.chunk(body, fetched.media_type)
    return {}


async def routed(bench: Bench, payload: dict[str, Any], route: str) -> list[Chunk]:
    match route:
        case "alone":
            return [await chunk_of(bench, output) for output in await bench.run(WEBSTREAM, payload=payload)]
        case "chunker":
            return [await chunk_of(bench, output) for output in await bench.run(Chunker(), payload=payload)]
        case _:
            [stream] = await bench.run(WEBSTREAM, payload=payload)
            outputs = await bench.run(Chunker(), await chunk_of(bench, stream), folders=FOLDERS)
            return [await chunk_of(bench, output) for output in outputs]


async def chunk_of(bench: Bench, output: Output) -> Chunk:
    return await bench.chunk(data(output), output.media_type)


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize(("encoding", "text"), CASES, ids=[f"{name}-{text[:3]}" for name, text in CASES])
async def test_text_is_the_same_in_every_encoding_by_every_way(
    bench: Bench, encoding: str, text: str, is_declared: bool
) -> None:
    label = LABELS.get(encoding, encoding.removesuffix("-sig"))
    media_type = f"text/plain; charset={label}" if is_declared else "text/plain"
    async for way, found, _ in every_way(bench, f"{text}\r\n".encode(encoding), media_type):
        assert found == text, way


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/html", f"<html><head><meta charset='iso-8859-1'></head><body><p>{WORDS}</p></body>".encode("latin-1")),
        ("text/html", f'<meta http-equiv="x" content="text/html; charset=windows-1252"><p>{WORDS}'.encode("cp1252")),
        ("text/html; charset=utf-8", f"<meta charset=iso-8859-1><title>no</title><p>{WORDS}".encode()),
        ("text/html", f"\ufeff<p>{WORDS}</p>".encode("utf-16-le")),
        ("application/xhtml+xml", f"<?xml version='1.0' encoding='iso-8859-1'?><p>{WORDS}</p>".encode("latin-1")),
        (
            "text/vtt",
            f"WEBVTT\n\nNOTE no\n\n1\n00:01.000 --> 00:02.000 line:0\n<v Bob>{WORDS}</v>\n".encode("utf-8-sig"),
        ),
        ("application/x-subrip", f"1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>{WORDS}</i>\r\n".encode("latin-1")),
    ],
)
async def test_a_page_and_captions_are_read_as_their_words_once(bench: Bench, media_type: str, content: bytes) -> None:
    async for way, found, kinds in every_way(bench, content, media_type):
        assert found == "schön <b>", way
        assert way.endswith("alone") or kinds == ["text/plain"], way


async def test_markdown_stays_markdown(bench: Bench) -> None:
    page = (
        "# Title\n\nA **lovely** [link](http://x.y/z).\n\n<script>alert('horrible')</script>\n\n"
        "| a | b |\n|---|:-:|\n| c | d |\n\n- one é\n- two\n"
    )
    async for way, found, kinds in every_way(bench, page.encode("utf-16"), "text/markdown"):
        assert " ".join(found.split()) == "Title A lovely link. one é two", way
        assert {kind.partition(";")[0] for kind in kinds} == {"text/markdown"}, way


@pytest.mark.parametrize("text", [GERMAN, JAPANESE, f"\ufeff{GERMAN}"])
async def test_the_payloads_text_loses_its_mark_by_every_way(bench: Bench, text: str) -> None:
    payload = {"text": text}
    [alone] = documents(work(payload=payload))
    assert alone.text == text.removeprefix("\ufeff")
    for route in ("chunker", "webstream and chunker"):
        chunks = await routed(bench, payload, route)
        assert [document.text for document in documents(work(*chunks))] == [text.removeprefix("\ufeff")]


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain; charset=shift_jis", "text/html; charset=utf-8"])
@pytest.mark.parametrize("content", [b"\x7fXYZ\0\1\2\3\4\0", bytes(range(1, 256)), b"\xff\xfea\0b\0\xd8\xd8"])
async def test_what_is_not_text_fails_with_what_was_tried(bench: Bench, content: bytes, media_type: str) -> None:
    for route in ROUTES:
        with pytest.raises(EngineFailure) as caught:
            await anext(every_way(bench, content, media_type, sources=("upload",), routes=(route,)))
        assert caught.value.kind is FailureKind.INVALID_DATA
        assert "not text: " in caught.value.message
        assert "tried" in caught.value.message or "mark of utf-16" in caught.value.message


@pytest.mark.parametrize(
    ("content", "media_type", "text"),
    [
        ("naïve".encode("latin-1"), "text/plain; charset=utf-8", "naïve"),  # a server's default, and wrong
        ("naïve".encode(), "text/plain; charset=us-ascii", "naïve"),
        ("naïve".encode(), "text/plain; charset=no-such-thing", "naïve"),
        ("naïve".encode(), "text/plain; charset=rot13", "naïve"),
        ("naïve".encode(), "text/plain; charset=unicode_escape", "naïve"),
        ("naïve".encode(), "text/plain; charset=utf-16", "naïve"),
        ("naïve".encode("utf-16"), "text/plain; charset=utf-8", "naïve"),
        ("\x80 and \x93so\x94".encode("latin-1"), "text/plain; charset=iso-8859-1", "€ and “so”"),
        (GERMAN.encode() + b"\xc3", "text/plain", f"{GERMAN}\ufffd"),
        (JAPANESE.encode()[1:], "text/plain", "\ufffd\ufffd" + JAPANESE[1:]),
    ],
)
async def test_a_wrong_declaration_does_not_spoil_the_text(
    bench: Bench, content: bytes, media_type: str, text: str
) -> None:
    async for way, found, _ in every_way(bench, content, media_type, sources=("upload",), routes=("alone", "chunker")):
        assert found == text, way


async def test_what_an_adapter_turned_into_utf_8_says_so(bench: Bench) -> None:
    page = "<meta charset='iso-8859-1'><p>schön".encode("latin-1")
    bench.primary = await bench.chunk(page, "text/html")
    [stream] = await bench.run(WEBSTREAM)
    assert (stream.media_type, data(stream).decode()) == ("text/html; charset=utf-8", page.decode("latin-1"))
    assert "text read as cp1252" in bench.lines


async def test_text_in_utf_8_and_other_media_pass_an_adapter_unchanged(bench: Bench) -> None:
    for content, media_type in (
        (b"caf\xc3\xa9", "text/plain"),
        (b"\x89PNG\0\xff", "image/png"),
        (b"\0\xff\1", "application/octet-stream"),
    ):
        bench.primary = await bench.chunk(content, media_type)
        [stream] = await bench.run(WEBSTREAM)
        assert (stream.media_type, data(stream)) == (media_type, content)


async def test_a_large_text_is_decoded_block_by_block(bench: Bench) -> None:
    line = "Grüße aus der großen Stadt, wie schön.\n"
    bench.primary = await bench.chunk((line * 60_000).encode("utf-16"), "text/plain")
    [stream] = await bench.run(WEBSTREAM)
    assert data(stream).decode() == line * 60_000
