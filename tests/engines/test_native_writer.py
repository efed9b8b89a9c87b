"""Collation: the AION documents of many chunks become one that is valid, complete and shows disagreements."""

import json
import random
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.engines.aion import problems
from tests.engines.native_context import Bench, bench_at, data

from enginehouse.engine import Chunk, Output
from enginehouse.engines.native.aion import violation
from enginehouse.engines.native.collation import Part, collate
from enginehouse.engines.native.writer import CHUNK_AGGREGATOR, OUTPUT_WRITER

LANGUAGE = "11111111-1111-4111-8111-111111111111"
SENTIMENT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


def transcript(index: int, start: int) -> dict[str, Any]:
    return {
        "validationContracts": ["transcript"],
        "language": "en",
        "processedStats": {"processedMediaSeconds": "1.5", "model": "small"},
        "series": [
            {"startTimeMs": start + step, "stopTimeMs": start + step + 100, "words": [{"word": f"w{index}-{step}"}]}
            for step in (0, 100)
        ],
    }


def sentiment(positive: float) -> dict[str, Any]:
    return {
        "validationContracts": ["sentiment"],
        "sentiment": {"positiveValue": positive, "negativeValue": 0.0},
        "object": [{"type": "text", "text": "So it is.", "sentiment": {"positiveValue": positive}}],
    }


def language(code: str) -> dict[str, Any]:
    return {"validationContracts": ["language"], "language": code}


def keywords(*labels: str) -> dict[str, Any]:
    return {"validationContracts": ["keyword"], "object": [{"type": "keyword", "label": label} for label in labels]}


async def json_chunk(bench: Bench, document: Any, **fields: Any) -> Chunk:
    return await bench.chunk(json.dumps(document).encode(), "application/json", **fields)


async def written(bench: Bench, *chunks: Chunk, payload: Any = None) -> tuple[dict[str, Any], list[Output]]:
    first, *others = await bench.run(OUTPUT_WRITER, *chunks, payload=payload)
    document = json.loads(data(first))
    assert problems(document, "aion") == []
    for contract in document.get("validationContracts", ()):
        assert problems(document, contract) == []
    return document, others


async def test_a_transcript_in_chunks_is_one_transcript_in_order(bench: Bench) -> None:
    chunks = [
        await json_chunk(bench, transcript(index, index * 1000), index=index, start_ms=index * 1000, engine_id=LANGUAGE)
        for index in range(4)
    ]
    random.Random(1).shuffle(chunks)
    document, others = await written(bench, *chunks)
    assert others == []
    assert [item["words"][0]["word"] for item in document["series"]] == [
        f"w{index}-{step}" for index in range(4) for step in (0, 100)
    ]
    assert document["validationContracts"] == ["transcript"]
    assert document["language"] == "en"
    assert document["processedStats"] == {"processedMediaSeconds": "6.0", "model": "small"}
    assert document["sourceEngineId"] == LANGUAGE
    assert "validation" not in document["vendor"]["enginehouse"]


async def test_what_chunks_disagree_on_is_kept_for_each(bench: Bench) -> None:
    chunks = [
        await json_chunk(bench, sentiment(value) | {"summary": "same"}, index=index, metadata={"length": length})
        for index, (value, length) in enumerate(((0.2, 100), (0.8, 300)))
    ]
    document, _ = await written(bench, *chunks)
    own = document["vendor"]["enginehouse"]
    assert "sentiment" not in document
    assert document["summary"] == "same"
    assert [(chunk["index"], chunk["sentiment"]["positiveValue"]) for chunk in own["chunks"]] == [(0, 0.2), (1, 0.8)]
    assert own["sentiment"] == {"positiveValue": 0.65, "negativeValue": 0.0}
    assert document["validationContracts"] == ["sentiment"]  # every object has its own


async def test_a_fan_in_is_one_file_whose_contracts_still_hold(bench: Bench) -> None:
    chunks = []
    for index, code in enumerate(("en", "de", "cs")):
        chunks.append(await json_chunk(bench, language(code), index=index, folder=0, engine_id=LANGUAGE, task_id="l"))
        chunks.append(await json_chunk(bench, sentiment(0.5), index=index, folder=1, engine_id=SENTIMENT, task_id="s"))
        chunks.append(await json_chunk(bench, keywords(code), index=index, folder=2))
    document, others = await written(bench, *chunks)
    own = document["vendor"]["enginehouse"]
    assert others == []
    assert document["validationContracts"] == ["sentiment"]
    assert "language" not in document
    assert own["languages"] == {"en": 1, "de": 1, "cs": 1}
    assert own["chunkCount"] == 9
    assert [source["chunkCount"] for source in own["sources"]] == [3, 3, 3]
    assert own["validation"] == [
        "language: left out, language is missing",
        "keyword: left out, object[0] is of type text, not keyword",
    ]
    assert [item.get("label") for item in document["object"]] == [None, "en", None, "de", None, "cs"]
    assert document["sentiment"] == {"positiveValue": 0.5, "negativeValue": 0.0}
    assert document["sourceEngineId"] == OUTPUT_WRITER.spec.id
    assert document["sourceEngineName"] == "Output writer"


async def test_the_platforms_fields_are_stamped(bench: Bench) -> None:
    forged = transcript(0, 0) | {"sourceEngineId": "forged", "taskId": "forged", "generatedDateUTC": "1999"}
    chunk = await json_chunk(bench, forged, engine_id=LANGUAGE, task_id="23041407_RORjiJw7tezzzzz")
    document, _ = await written(bench, chunk, payload={"a": 1})
    assert (document["sourceEngineId"], document["taskId"]) == (LANGUAGE, "23041407_RORjiJw7tezzzzz")
    assert datetime.fromisoformat(document["generatedDateUTC"]).year > 2000
    assert document["generatedDateUTC"].endswith("Z")
    unknown, _ = await written(bench, await json_chunk(bench, transcript(0, 0)), payload={"a": 1})
    assert (unknown["sourceEngineId"], unknown["taskPayload"]) == (OUTPUT_WRITER.spec.id, {"a": 1})
    assert unknown["taskId"] == "23041407_RORjiJw7tea1b2c"


async def test_no_chunks_give_an_honest_empty_document(bench: Bench) -> None:
    document, others = await written(bench)
    assert others == []
    assert document["vendor"]["enginehouse"] == {"chunkCount": 0, "sources": []}
    assert "series" not in document
    assert "validationContracts" not in document


async def test_the_file_is_published_under_a_name_that_a_second_attempt_repeats(bench: Bench) -> None:
    [first] = await bench.run(OUTPUT_WRITER)
    [second] = await bench.run(OUTPUT_WRITER)
    assert re.fullmatch(r"vtn-standard-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json", first.name or "")
    assert first.name == second.name
    assert first.published
    assert first.media_type == "application/json"
    [handed_on] = await bench.run(CHUNK_AGGREGATOR)
    assert not handed_on.published


async def test_what_is_not_an_aion_document_is_passed_on_as_its_own_file(bench: Bench) -> None:
    chunks = [
        await bench.chunk(b"<tt/>", "application/ttml+xml", index=0, name="captions.ttml"),
        await bench.chunk(b"<tt/>", "application/ttml+xml", index=0, folder=1, name="captions.ttml"),
        await bench.chunk(b"{broken", "application/json", index=1),
        await bench.chunk(b"[1]", "application/json", index=2),
        await bench.chunk(b"[" * 100_000, "application/json", index=3),
        await json_chunk(bench, keywords("tide"), index=4),
    ]
    document, others = await written(bench, *chunks)
    assert [data(output) for output in others] == [b"<tt/>", b"<tt/>", b"{broken", b"[1]", b"[" * 100_000]
    assert len({output.name for output in others}) == 5
    assert all(output.published for output in others)
    assert [output.index for output in others] == [1, 2, 3, 4, 5]
    passed = "passed on as it is"
    assert document["vendor"]["enginehouse"]["validation"] == [
        f"chunk 1: not valid JSON at line 1 column 2 (expecting property name enclosed in double quotes), {passed}",
        f"chunk 2: JSON but not an object, {passed}",
        f"chunk 3: not valid JSON at line 1 column 451 (more than 450 lists and objects in one another), {passed}",
    ]


async def test_documents_of_any_shape_are_collated_and_never_refused(bench: Bench) -> None:
    odd: list[Any] = [
        {"series": "no", "object": None, "tags": {}, "validationContracts": "transcript", "processedStats": [1]},
        {"series": [1, None, {"startTimeMs": "x"}], "collateIndex": "a", "sentiment": 3, "language": ["en"]},
        {"validationContracts": [1, "nonsense", LANGUAGE], "processedStats": {"a": "1e999999999", "b": "NaN"}},
        {},
    ]
    [output] = await bench.run(OUTPUT_WRITER, *[await json_chunk(bench, one, index=i) for i, one in enumerate(odd)])
    document = json.loads(data(output))
    assert document["validationContracts"] == [LANGUAGE]
    assert "chunk 0: series is not a list" in document["vendor"]["enginehouse"]["validation"]
    assert "nonsense: left out, it is not a contract" in document["vendor"]["enginehouse"]["validation"]


def test_sets_are_merged_and_lists_joined() -> None:
    parts = [
        Part(document={"tags": [{"key": "a"}, {"key": "b"}], "media": [{"assetId": "1"}], "embedding": [{"v": 1}]}),
        Part(document={"tags": [{"key": "b"}, {"key": "c"}], "media": [{"assetId": "1"}], "embedding": [{"v": 1}]}),
    ]
    collated = collate(parts)
    assert collated["tags"] == [{"key": "a"}, {"key": "b"}, {"key": "c"}]
    assert collated["media"] == [{"assetId": "1"}]
    assert collated["embedding"] == [{"v": 1}, {"v": 1}]


def test_chunks_are_ordered_by_time_then_index_then_collate_index() -> None:
    def part(label: str, **place: Any) -> Part:
        order = place.pop("order", None)
        document: dict[str, Any] = {"object": [{"type": "keyword", "label": label}]}
        return Part(document=document if order is None else document | {"collateIndex": order}, **place)

    parts = [
        part("d", start_ms=2000, index=0),
        part("c", start_ms=1000, index=7, order=2),
        part("b", start_ms=1000, index=7, order=1),
        part("a", start_ms=0, index=9),
    ]
    assert [item["label"] for item in collate(parts)["object"]] == ["a", "b", "c", "d"]
    assert "collateIndex" not in collate(parts)


def test_vendor_data_of_a_chunk_stays_with_the_chunk() -> None:
    collated = collate([Part(document={"vendor": {"x": 1}}, index=3, start_ms=5, engine_id="e")])
    assert collated["vendor"]["enginehouse"]["chunks"] == [
        {"index": 3, "startTimeMs": 5, "engineId": "e", "vendor": {"x": 1}}
    ]


@pytest.mark.parametrize(
    ("contract", "good", "bad"),
    [
        ("transcript", {"series": []}, {"object": []}),
        ("transcript", {"series": [{"words": [{"word": "a"}]}]}, {"series": [{"words": []}]}),
        ("sentiment", {"sentiment": {"positiveValue": 1}}, {}),
        ("sentiment", {"object": [{"emotions": []}]}, {"object": [{"emotions": []}, {"text": "a"}]}),
        ("language", {"language": "en"}, {}),
        ("summary", {"summary": ""}, {"language": "en"}),
        ("text", {"object": [{"type": "text", "text": "a"}]}, {"object": [{"type": "text"}]}),
        ("text", {"series": [{"object": {"type": "text", "text": "a"}}]}, {"series": [{}]}),
        ("keyword", {"object": [{"type": "keyword", "label": "a"}]}, {"object": [{"type": "keyword"}]}),
        ("keyword", {"object": []}, {"series": []}),
        ("entity", {"object": [{"type": "namedEntity", "label": "a"}]}, {"object": [{"type": "text", "label": "a"}]}),
        ("concept", {"object": [{"type": "concept", "objectCategory": [{"class": "a"}]}]}, {"object": [{}]}),
        ("object", {"object": [{"type": "object"}]}, {"object": [{"type": "face"}]}),
        ("anomaly", {"series": [{"object": {"type": "anomaly"}}]}, {"series": [{"object": {"type": "text"}}]}),
        ("media-translated", {"media": [{"assetId": "1", "language": "en"}]}, {"media": [{"assetId": "1"}]}),
        ("media-translated", {"media": []}, {}),
        (LANGUAGE, {}, None),
        ("nonsense", None, {}),
    ],
)
def test_a_contract_is_judged(contract: str, good: dict[str, Any] | None, bad: dict[str, Any] | None) -> None:
    assert good is None or violation(good, contract) is None
    assert bad is None or violation(bad, contract)
