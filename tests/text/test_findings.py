"""What an AION document says, as a page, subtitles, a table and JSON: what was not judged is not called neutral."""

import csv
import io
import json
from itertools import count
from typing import Any, Final

import av
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enginehouse.text.findings import Findings, findings
from enginehouse.text.findings_formats import FORMS, NoTranscript, written
from enginehouse.text.findings_page import page

NOTE: Final = "The lexicon is English; sentences in other languages were not judged."


def scores(positive: float, negative: float) -> dict[str, float]:
    return {"positiveValue": positive, "negativeValue": negative}


def spoken(start: int, text: str, speaker: str) -> list[dict[str, Any]]:
    return [
        {"startTimeMs": at, "stopTimeMs": at + 290, "words": [{"word": word}], "speakerId": speaker}
        for at, word in zip(count(start, 300), text.split(), strict=False)
    ]


WHOLE: Final[dict[str, Any]] = {
    "summary": "Two people meet at the harbour and disagree about its future, which is not decided in the end.",
    "language": "en",
    "sentiment": scores(0.4, 0.1),
    "vendor": {"sentences": 3, "sentencesJudged": 2, "note": NOTE},
    "series": [
        *spoken(0, "The harbour lay still.", "Anna"),
        *spoken(65_000, "Who was <there> --> when?", "Ben"),
        {"startTimeMs": 0, "stopTimeMs": 1_000, "object": {"type": "text", "text": "A sentence.", "sentence": 1}},
    ],
    "object": [
        {"type": "keyword", "label": "harbour", "confidence": 0.5},
        {"type": "keyword", "label": "machine room", "confidence": 0.9},
        {"type": "keyword", "label": "harbour", "confidence": 0.6},
        {"type": "namedEntity", "label": "Hamburg", "objectCategory": [{"class": "city"}], "confidence": 0.9},
        {"type": "namedEntity", "label": "Hamburg", "objectCategory": [{"class": "city"}], "confidence": 0.8},
        {"type": "namedEntity", "label": "Anna", "entityId": "x"},
        {"type": "ocr", "text": "KEEP OUT", "page": 2},
    ],
}
PAGE: Final = """\
summary    Two people meet at the harbour and disagree about its future, which
           is not decided in the end.
language   en
sentiment  positive (positive 0.400, negative 0.100); 2 of 3 sentences were
           judged: The lexicon is English; sentences in other languages were not
           judged.
keywords   harbour, machine room
entities   Hamburg (city) × 2, Anna

transcript
 0:00:00   Anna: The harbour lay still.
 0:01:05   Ben: Who was <there> --> when?

text
page 2     KEEP OUT
"""


def test_a_page_says_everything_and_wraps_it() -> None:
    assert page(findings(WHOLE), width=80) == PAGE


def test_a_long_transcript_can_be_cut_and_says_so() -> None:
    shown = page(findings(WHOLE), most_lines=1)
    assert "The harbour lay still." in shown
    assert "when?" not in shown
    assert "… and 1 lines more" in shown


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"vendor": {"sentences": 2, "sentencesJudged": 0, "note": NOTE}}, f"not judged: {NOTE}"),
        ({"vendor": {"sentences": 0, "sentencesJudged": 0}}, "not judged: there is no sentence"),
        # what was stored when zeros stood for what was not judged
        ({"sentiment": scores(0, 0), "vendor": {"sentences": 1, "sentencesJudged": 0}}, "not judged: there is no"),
        ({"sentiment": scores(0, 0), "vendor": {"sentences": 1, "sentencesJudged": 1}}, "neutral: no positive and no"),
        ({"sentiment": scores(0.2, 0.21)}, "mixed (positive 0.200"),
        ({"sentiment": scores(0.1, 0.5)}, "negative (positive 0.100"),
        ({"language": "und"}, "language   not judged: there is too little text."),
        ({"vendor": {"enginehouse": {"languages": {"de": 2, "und": 1}}}}, "de (2 chunks), not judged (1 chunk)"),
        ({"vendor": {"enginehouse": {"languages": {"en-US": 1, "en": 1}}}}, "language   en-US\n"),
        ({"vendor": {"enginehouse": {"languages": {"pt": 3, "pt-BR": 1}}}}, "language   pt\n"),
        ({"vendor": {"enginehouse": {"sentiment": scores(0, 0.5)}}}, "negative (positive 0.000"),
        ({}, "Nothing was found."),
        ({"object": [{"type": "keyword"}], "series": 7, "vendor": []}, "Nothing was found."),
    ],
)  # fmt: skip
def test_what_was_not_judged_says_so(document: dict[str, Any], said: str) -> None:
    shown = page(findings(document), width=200)
    assert said in shown
    assert "not judged" not in said or "neutral" not in shown


def test_the_summaries_of_chunks_are_one() -> None:
    chunks = [{"index": 1, "summary": "The end."}, {"index": 0, "summary": "The beginning."}]
    assert page(findings({"vendor": {"enginehouse": {"chunks": chunks}}})) == "summary    The beginning. The end.\n"


def test_chunks_that_differ_are_side_by_side() -> None:
    chunks = [
        {"index": 0, "language": "en"}, {"index": 1, "language": "de"},
        {"index": 0, "vendor": {"sentences": 1, "sentencesJudged": 1}},  # the only one, so its scores are the whole's
        {"index": 1, "vendor": {"sentences": 4, "sentencesJudged": 0, "note": NOTE}},
    ]  # fmt: skip
    shown = page(findings({"sentiment": scores(0.5, 0), "vendor": {"enginehouse": {"chunks": chunks}}}), width=200)
    assert "1 of 5 sentences were judged" in shown
    assert "0      en        positive (positive 0.500, negative 0.000)\n" in shown
    assert "1      de        not judged\n" in shown


def test_the_sentences_of_a_summary_are_not_sentences_that_were_not_judged() -> None:
    chunks = [
        {"index": 0, "sentiment": scores(0.5, 0), "vendor": {"sentences": 1, "sentencesJudged": 1}},
        {"index": 0, "vendor": {"sentences": 9, "sentencesChosen": 3}},
        {"index": 1_000_000, "sentiment": scores(0.5, 0), "vendor": {"sentences": 1, "sentencesJudged": 1}},
    ]
    shown = page(findings({"vendor": {"enginehouse": {"chunks": chunks, "sentiment": scores(0.5, 0)}}}), width=200)
    assert "judged" not in shown
    assert "0        –         positive" in shown
    assert "1000000  –         positive" in shown


def test_a_table_has_a_row_for_each_thing() -> None:
    rows = list(csv.DictReader(io.StringIO(written(WHOLE, "csv").decode())))
    assert [(row["kind"], row["text"]) for row in rows] == [
        ("utterance", "The harbour lay still."),
        ("utterance", "Who was <there> --> when?"),
        ("ocr", "KEEP OUT"),
        ("sentence", "A sentence."),
        ("keyword", "harbour"),
        ("keyword", "machine room"),
        ("entity", "Hamburg"),
        ("entity", "Anna"),
    ]
    assert (rows[1]["start_ms"], rows[1]["speaker"]) == ("65000", "Ben")
    assert (rows[6]["class"], rows[6]["count"], rows[6]["confidence"]) == ("city", "2", "0.9")


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles_are_what_a_player_reads(form: str) -> None:
    """FFmpeg's own parsers read them: as many cues, at the same times, with the same words."""
    with av.open(io.BytesIO(written(WHOLE, form)), "r", format={"srt": "srt", "vtt": "webvtt"}[form]) as read:
        cues = [
            (packet.pts, packet.duration, bytes(packet).decode()) for packet in read.demux() if packet.pts is not None
        ]
    assert [(start, long) for start, long, _ in cues] == [(0, 1_190), (65_000, 1_490)]
    assert "The harbour lay still." in cues[0][2]
    assert cues[1][2].endswith({"srt": "Who was <there> -> when?", "vtt": "Who was &lt;there&gt; --&gt; when?"}[form])


def test_what_an_engine_has_read_or_written_is_on_the_page_and_what_somebody_gave_is_not() -> None:
    box = [{"x": 0.1, "y": 0.1}]
    document = {
        "object": [
            {"type": "text", "text": "From a picture.", "boundingPoly": box, "page": 1},
            {"type": "text", "text": "Traduzido.", "language": "pt-BR"},
            {"type": "text", "text": "As given.", "sentiment": scores(0.4, 0.1)},
        ]
    }
    assert [one.kind for one in findings(document).texts] == ["ocr", "translation", "text"]
    shown = page(findings(document))
    assert "page 1     From a picture." in shown
    assert "Traduzido." in shown
    assert "As given." not in shown


def test_a_name_counts_as_often_as_its_engine_says() -> None:
    named = {"type": "namedEntity", "label": "Anna", "vendor": {"occurrences": 3}}
    [one] = findings({"object": [named]}).entities
    assert (one.label, one.count) == ("Anna", 3)


def test_json_is_read_back_and_aion_stays_what_it_is() -> None:
    assert msgspec.json.decode(written(WHOLE, "json"), type=Findings) == findings(WHOLE)
    assert json.loads(written(WHOLE, "aion")) == WHOLE


@pytest.mark.parametrize("form", ["srt", "vtt", "ttml"])
def test_there_are_no_subtitles_of_what_was_not_said(form: str) -> None:
    with pytest.raises(NoTranscript):
        written({"language": "en", "series": [{"startTimeMs": 0, "stopTimeMs": 1}]}, form)


KEYS = [
    "series", "object", "words", "word", "startTimeMs", "stopTimeMs", "confidence", "type", "label", "text", "vendor",
    "enginehouse", "chunks", "index", "sentiment", "positiveValue", "negativeValue", "sentences", "sentencesJudged",
    "note", "language", "languages", "summary", "objectCategory", "class", "page", "speakerId",
]  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["keyword", "namedEntity", "text", "ocr"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip
WORD = {"startTimeMs": 0, "stopTimeMs": 9, "words": [{"word": "a"}]}


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=6), st.sampled_from(sorted(FORMS)))
def test_no_document_is_too_strange(document: dict[str, Any], form: str) -> None:
    listed = document.get("series")
    with_words = {**document, "series": [*(listed if isinstance(listed, list) else []), WORD]}
    assert written(with_words, form).decode()
