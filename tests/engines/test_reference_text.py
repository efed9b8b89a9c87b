"""What the text engines read from their inputs."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engines.reference import chunk, work

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse_engines.prose import paragraphs, sentences
from enginehouse_engines.text import MOST_WORDS, PAUSE_MS, Passage, documents

AION = "application/vnd.veritone.aion+json"


def text_of(path: Path, data: str | bytes, media_type: str) -> str:
    (document,) = documents(work(chunk(path, data, media_type)))
    return document.text


def spoken(start: int, stop: int, *words: dict[str, Any] | str) -> dict[str, Any]:
    return {
        "startTimeMs": start,
        "stopTimeMs": stop,
        "words": [{"word": word} if isinstance(word, str) else word for word in words],
    }


@pytest.mark.parametrize(
    ("media_type", "data", "text"),
    [
        ("text/plain", "  Grüße\r\naus Kiel \n", "Grüße\naus Kiel"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        ("text/plain", "\ufeffcafé".encode("utf-16-le"), "café"),
        ("text/plain", "\ufeffcafé".encode("utf-16-be"), "café"),
        ("text/plain", "\ufeffcafé".encode("utf-32-le"), "café"),
        ("text/plain; charset=iso-8859-2", "žluťoučký".encode("iso-8859-2"), "žluťoučký"),
        ("text/plain; charset=no-such-thing", "café", "café"),
        ("text/plain", "naïve €".encode("cp1252"), "naïve €"),
        ("TEXT/Plain", "loud", "loud"),
        ("text/csv", "a,b", "a. b."),
        ("text/plain", "", ""),
        ("application/json", '{"text": "plain JSON"}', "plain JSON"),
        ("application/ld+json", '{"text": "another JSON"}', "another JSON"),
        ("application/json", '{"object": [{"type": "text", "text": "seen"}, {"type": "face"}]}', "seen"),
        (AION, "{}", ""),
        (AION, "", ""),
        (AION, '{"validationContracts": ["transcript"], "series": []}', ""),
    ],
)
def test_what_is_text_is_read_as_text(tmp_path: Path, media_type: str, data: str | bytes, text: str) -> None:
    assert text_of(tmp_path / "input", data, media_type) == text


def test_markdown_is_read_without_its_marks(tmp_path: Path) -> None:
    page = (
        '# The *engine* house #\nEvery [harbour](http://example.org/h "x") has `one`.\n'
        "- first\n2. second\n> quoted __well__\n\n---\n```sh\nmake run\n```\n\n    indented()\n"
        "\n| no | prose |\n| --- | --- |\n| 1 | 2 |\n\n<!-- unseen -->\n\n<http://example.org/a> "
        "[![a boat](boat.png)](http://example.org) snake_case_name"
    )
    read = " ".join(text_of(tmp_path / "a.md", page, "text/markdown").split())
    assert read == ("The engine house Every harbour has one. first second quoted well a boat snake_case_name")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["*a ", "[", "[a](", "`", "<!--", "<http:", "# ", "- ", "__a", ".", "A. ", "\n \n", "| ", "|\n|", "<a", "<script>"],
)
def test_hostile_text_is_read_in_a_time_that_grows_with_its_length(tmp_path: Path, piece: str) -> None:
    document = text_of(tmp_path / "a.md", "# " + piece * 100_000 + "x", "text/markdown")
    assert len([sentence for paragraph in paragraphs(document) for sentence in sentences(paragraph)]) <= 100_001


def test_a_markdown_heading_is_a_paragraph_of_its_own(tmp_path: Path) -> None:
    assert text_of(tmp_path / "a.md", "# Title\nbody", "text/markdown").split("\n\n") == ["Title", "body"]


def test_html_is_read_without_tags_scripts_and_styles(tmp_path: Path) -> None:
    page = "<html><style>p{}</style><p>Caf&eacute; <b>Mar</b><script>let a = '<p>no</p>'</script></p><p>open</p></html>"
    assert text_of(tmp_path / "a.html", page, "text/html; charset=utf-8").split("\n\n") == ["Café Mar", "open"]


def test_a_transcript_is_read_in_time_along_its_best_path(tmp_path: Path) -> None:
    series = [
        spoken(900, 1200, {"word": "house", "confidence": 0.4}, {"word": "horse", "confidence": 0.3}),
        spoken(0, 300, {"word": "thee", "bestPath": False}, {"word": "the", "bestPath": True}),
        spoken(100, 300, {"word": "uh", "bestPath": False}),
        spoken(300, 900, "engine"),
        spoken(900 + 300 + PAUSE_MS, 2400, "pumps"),
        spoken(1200, 1200 + PAUSE_MS, "!silence"),
    ]
    (document,) = documents(work(chunk(tmp_path / "a.json", json.dumps({"series": series, "language": "en-US"}), AION)))
    assert document.passages == (Passage("the engine house", 0, 1200), Passage("pumps", 1800, 2400))
    assert document.span == (0, 2400)
    assert document.language == "en-US"


def test_speech_without_a_pause_is_read_in_passages(tmp_path: Path) -> None:
    series = [spoken(n * 100, n * 100 + 100, "on") for n in range(2 * MOST_WORDS + 1)]
    (document,) = documents(work(chunk(tmp_path / "a.json", json.dumps({"series": series}), AION)))
    assert [len(passage.text.split()) for passage in document.passages] == [MOST_WORDS, MOST_WORDS, 1]
    assert [passage.start_ms for passage in document.passages] == [0, 6_000, 12_000]


def test_every_input_is_a_document_of_its_own(tmp_path: Path) -> None:
    given = work(chunk(tmp_path / "a", "one"), chunk(tmp_path / "b", "two"))
    assert [document.text for document in documents(given)] == ["one", "two"]


def test_without_input_the_payload_has_the_text() -> None:
    (document,) = documents(work(payload={"text": "from the payload"}))
    assert (document.text, document.source) == ("from the payload", None)


def test_an_input_comes_before_the_payloads_text(tmp_path: Path) -> None:
    (document,) = documents(work(chunk(tmp_path / "a", "from the file"), payload={"text": "from the payload"}))
    assert document.text == "from the file"


@pytest.mark.parametrize(
    ("media_type", "data", "says"),
    [
        ("image/png", b"\x89PNG", '"input" is image/png; this engine takes text'),
        ("octets", b"abc", '"input" is octets; this engine takes text'),
        ("text/plain", b"\x7fELF\x00\x00", '"input" is not text: it holds zero bytes'),
        ("application/json", "{", '"input" is application/json but not JSON: '),
        ("application/json", "[1]", '"input" is application/json without text in it'),
        ("application/json", '{"words": 3}', '"input" is application/json without text in it'),
    ],
)
def test_what_is_not_text_is_refused_for_good(tmp_path: Path, media_type: str, data: str | bytes, says: str) -> None:
    with pytest.raises(EngineFailure) as refused:
        text_of(tmp_path / "input", data, media_type)
    assert refused.value.message.startswith(says)
    assert refused.value.kind is FailureKind.INVALID_DATA


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (None, "Nothing to read: give payload.text, payload.url, or a target with a primary asset."),
        ({"url": None}, "Nothing to read: give payload.text, payload.url, or a target with a primary asset."),
        ({"text": 7}, "payload.text: must be a string, not int."),
        (["text"], "payload: must be an object, not list."),
    ],
)
def test_nothing_to_read_says_what_to_give(payload: object, says: str) -> None:
    with pytest.raises(EngineFailure) as refused:
        documents(work(payload=payload))
    assert (refused.value.message, refused.value.kind) == (says, FailureKind.INVALID_DATA)
