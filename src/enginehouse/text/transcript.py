"""Reads what was said, and when, from an AION document, and cuts it into cues: the lines of one screen of subtitles."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SENTENCE_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")
PUNCTUATION: Final = (*SENTENCE_ENDS, ",", ";", ":", "،", "、", "，", "；", "：")
# The end of a text whose dot does not end a sentence: an initial, a title, an abbreviation.
ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|Mr|Mrs|Ms|Dr|Prof|Rev|St|Jr|vs|etc|e\.g|i\.e|No|Fig|Sra?|Dra|Mme|Mlle|Hr|Fr|Nr|bzw|ca|z\.B|d\.h)\.$"
)
_SILENCE: Final = "!silence"
_LONGEST_TIME: Final = 2**53


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word, its times in ms from the beginning of the media, and its speaker, "" if unknown."""

    start_ms: int
    stop_ms: int
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines that are shown together, and their times in ms."""

    start_ms: int
    stop_ms: int
    lines: tuple[str, ...]
    speaker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueRules:
    """How cues are cut: characters in a line, lines on a screen, the longest time and the pause that ends one, in ms.

    With `at_sentences` every sentence begins a new cue, with `at_punctuation` every part of one begins a new line.
    """

    characters: int = 42
    lines: int = 2
    longest_ms: int = 7_000
    pause_ms: int = 1_000
    at_sentences: bool = False
    at_punctuation: bool = False


@dataclass(slots=True)
class _Draft:
    words: list[SpokenWord] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def continues_line(self, text: str, rules: CueRules) -> bool:
        """True if the text goes on the last line."""
        if not self.lines or _length(self.lines[-1], text) > rules.characters:
            return False
        return not (rules.at_punctuation and self.words and self.words[-1].text.endswith(PUNCTUATION))

    def has_room(self, text: str, rules: CueRules) -> bool:
        """True if the text goes on the screen."""
        return len(self.lines) < rules.lines or self.continues_line(text, rules)


def words(document: Any) -> list[SpokenWord]:
    """Returns the words of the best path in the order of time. What is no transcript has none."""
    found = [word for item in _objects(document, "series") for word in _word(item)]
    return sorted(found, key=lambda word: (word.start_ms, word.stop_ms))


def cues(spoken: list[SpokenWord], rules: CueRules) -> list[Cue]:
    """Returns the words in cues. A cue ends at a pause, at another speaker, or when it is full.

    Only a word without a space can be longer than a line.
    """
    whole: list[Cue] = []
    draft = _Draft()
    for word in (part for phrase in spoken for part in _parts(phrase, rules)):
        if draft.words and (_ends(draft.words, word, rules) or not draft.has_room(word.text, rules)):
            whole.append(_cue(draft))
            draft = _Draft()
        if draft.continues_line(word.text, rules):
            draft.lines[-1] = f"{draft.lines[-1]} {word.text}".strip()
        else:
            draft.lines.append(word.text)
        draft.words.append(word)
    if draft.words:
        whole.append(_cue(draft))
    return whole


def _objects(document: Any, name: str) -> list[dict[str, Any]]:
    listed = document.get(name) if isinstance(document, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _word(item: Mapping[str, Any]) -> Iterator[SpokenWord]:
    start, stop = _time(item.get("startTimeMs")), _time(item.get("stopTimeMs"))
    choices = [one for one in _objects(item, "words") if isinstance(one.get("word"), str)]
    if start is None or not choices:
        return
    best = max(choices, key=lambda one: (one.get("bestPath") is True, _confidence(one)))
    text = " ".join(best["word"].split())
    if text and text != _SILENCE:
        speaker = item.get("speakerId")
        yield SpokenWord(start, max(start, stop or start), text, speaker if isinstance(speaker, str) else "")


def _time(value: Any) -> int | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LONGEST_TIME
    return int(value) if fits else None


def _confidence(choice: Mapping[str, Any]) -> float:
    value = choice.get("confidence")
    return float(value) if isinstance(value, (int, float)) and -1 <= value <= 1 else 0.0


def _ends(before: list[SpokenWord], word: SpokenWord, rules: CueRules) -> bool:
    last = before[-1]
    return (
        word.speaker != last.speaker
        or word.start_ms - last.stop_ms >= rules.pause_ms
        or word.stop_ms - before[0].start_ms > rules.longest_ms
        or (rules.at_sentences and last.text.endswith(SENTENCE_ENDS) and not ABBREVIATION.search(last.text))
    )


def _parts(word: SpokenWord, rules: CueRules) -> Iterator[SpokenWord]:
    """Yields the word, or its parts if it is a phrase that is longer than a line. They share its time."""
    texts = word.text.split() if len(word.text) > rules.characters else [word.text]
    whole, start, told = sum(map(len, texts)), word.start_ms, 0
    for text in texts:
        told += len(text)
        stop = word.start_ms + (word.stop_ms - word.start_ms) * told // whole
        yield SpokenWord(start, stop, text, word.speaker)
        start = stop


def _length(line: str, text: str) -> int:
    return len(line) + 1 + len(text) if line else len(text)


def _cue(draft: _Draft) -> Cue:
    stop = max(word.stop_ms for word in draft.words)
    return Cue(draft.words[0].start_ms, stop, tuple(filter(None, draft.lines)), draft.words[0].speaker)
