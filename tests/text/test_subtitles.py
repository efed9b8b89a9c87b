"""A transcript as subtitles, text and tables: cuts, escapes, and every document that an engine may write."""

import csv
import io
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.text.captions import caption_text
from enginehouse.text.subtitles import FORMATS, srt, table, ttml, txt, vtt
from enginehouse.text.transcript import Cue, CueRules, SpokenWord, cues, words


def said(*texts: str, start: int = 0, speaker: str = "", each: int = 400) -> list[SpokenWord]:
    return [SpokenWord(start + n * each, start + (n + 1) * each, text, speaker) for n, text in enumerate(texts)]


SCENE = [
    *said("The", "harbour", "lay", "still.", speaker="Anna"),
    *said("Who", "<was>", "there", "&", "when?", start=4_000, speaker="Ben"),
]
SHOWN = cues(SCENE, CueRules())


def test_the_words_of_the_best_path_are_read_in_order_of_time() -> None:
    document = {
        "series": [
            {"startTimeMs": 500, "stopTimeMs": 900, "words": [{"word": "world"}], "speakerId": "s1"},
            {"startTimeMs": 0, "stopTimeMs": 420, "words": [
                {"word": "hollow", "confidence": 0.99}, {"word": "hello", "confidence": 0.1, "bestPath": True},
            ]},
            {"startTimeMs": 420, "stopTimeMs": 500, "words": [{"word": "!silence"}]},
            {"startTimeMs": 900, "stopTimeMs": 950, "words": [
                {"word": "a", "confidence": 0.2}, {"word": "b", "confidence": 0.7},
            ]},
        ]
    }  # fmt: skip
    assert words(document) == [
        SpokenWord(0, 420, "hello"),
        SpokenWord(500, 900, "world", "s1"),
        SpokenWord(900, 950, "b"),
    ]


@pytest.mark.parametrize(
    ("spoken", "rules", "lines"),
    [
        (said("one", "two", "three"), CueRules(characters=7), [("one two", "three")]),
        (said("one", "two", "three", "four"), CueRules(characters=7, lines=1), [("one two",), ("three",), ("four",)]),
        (said("One.", "Two."), CueRules(), [("One. Two.",)]),
        (said("One.", "Two."), CueRules(at_sentences=True), [("One.",), ("Two.",)]),
        (said("Mr.", "J.", "Dashwood."), CueRules(at_sentences=True), [("Mr. J. Dashwood.",)]),
        ([*said("one"), *said("two", start=1_400)], CueRules(), [("one",), ("two",)]),
        (said("one", "two", each=4_000), CueRules(), [("one",), ("two",)]),
        ([*said("one", speaker="a"), *said("two", start=400, speaker="b")], CueRules(), [("one",), ("two",)]),
        (said("a" * 50, "b"), CueRules(characters=10, lines=1), [("a" * 50,), ("b",)]),
        (said("Well,", "yes.", "No"), CueRules(at_punctuation=True), [("Well,", "yes."), ("No",)]),
        (said("Well,", "yes"), CueRules(lines=1, at_punctuation=True), [("Well,",), ("yes",)]),
        (said("one two three"), CueRules(characters=7), [("one two", "three")]),
        ([], CueRules(), []),
    ],
)
def test_where_a_cue_ends(spoken: list[SpokenWord], rules: CueRules, lines: list[tuple[str, ...]]) -> None:
    assert [cue.lines for cue in cues(spoken, rules)] == lines


def test_subrip() -> None:
    assert srt(SHOWN) == (
        "1\n00:00:00,000 --> 00:00:01,600\nThe harbour lay still.\n\n"
        "2\n00:00:04,000 --> 00:00:06,000\nWho <was> there & when?\n"
    )
    assert srt([Cue(3_599_999, 3_600_000, ("a --> b",))]) == "1\n00:59:59,999 --> 01:00:00,000\na -> b\n"


def test_the_servers_own_reader_reads_what_it_writes() -> None:
    spoken = "The harbour lay still.\nWho <was> there & when?"
    assert caption_text(vtt(SHOWN)) == spoken


def test_webvtt_has_voices_and_escapes() -> None:
    assert vtt(SHOWN) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.600\n<v Anna>The harbour lay still.\n"
        "\n00:00:04.000 --> 00:00:06.000\n<v Ben>Who &lt;was&gt; there &amp; when?\n"
    )


def test_ttml_is_xml_with_the_same_lines() -> None:
    root = ElementTree.fromstring(ttml([Cue(0, 1_000, ("one & two", "<three>"))], 'de"'))
    [line] = root.iter("{http://www.w3.org/ns/ttml}p")
    assert (line.get("begin"), line.get("end")) == ("00:00:00.000", "00:00:01.000")
    assert [line.text, *(part.tail for part in line)] == ["one & two", "<three>"]
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == 'de"'


def test_text_has_a_paragraph_for_each_speaker_in_turn() -> None:
    assert txt(SHOWN) == "Anna: The harbour lay still.\n\nBen: Who <was> there & when?\n"
    assert txt(cues(said("one", "two"), CueRules())) == "one two\n"


def test_a_table_quotes_everything() -> None:
    rows = list(csv.reader(io.StringIO(table([Cue(1, 2, ('=1+1 "x"', "b"), "@s")]))))
    assert rows == [["start_ms", "stop_ms", "speaker", "text"], ["1", "2", "@s", '=1+1 "x" b']]
    assert table([Cue(1, 2, ("=1",))]).splitlines()[1] == '"1","2","","=1"'


KEYS = ["series", "words", "word", "startTimeMs", "stopTimeMs", "confidence", "bestPath", "speakerId"]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(KEYS), inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


ITEMS = st.lists(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=5), max_size=3)


@given(ANY | st.fixed_dictionaries({"series": ANY | ITEMS}))
def test_no_document_is_too_strange(document: Any) -> None:
    shown = cues(words(document), CueRules())
    for _, write in FORMATS.values():
        write(shown).encode()


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30))
def test_every_word_is_in_every_format(texts: list[str]) -> None:
    spoken = words({"series": [
        {"startTimeMs": n * 100, "stopTimeMs": n * 100 + 90, "words": [{"word": text}]} for n, text in enumerate(texts)
    ]})  # fmt: skip
    shown = cues(spoken, CueRules(characters=10))
    assert [word for cue in shown for line in cue.lines for word in line.split()] == [
        part for word in spoken for part in word.text.split()
    ]
    ElementTree.fromstring(ttml(shown))
    assert len(list(csv.reader(io.StringIO(table(shown))))) == len(shown) + 1
