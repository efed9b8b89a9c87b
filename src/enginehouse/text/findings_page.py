"""Findings as a page of plain text: what holds for the whole, then chunk by chunk, then what was said and when."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from enginehouse.text.findings import ChunkFinding, EntityFinding, Findings, Utterance
from enginehouse.text.sentiment import SentimentFinding

WIDTH: Final = 88  # characters of a line
_MOST_NAMES: Final = 12  # keywords, and entities, on the page
_LABEL: Final = 11  # characters before the text of a line
_UNDETERMINED: Final = "und"


def page(findings: Findings, *, width: int = WIDTH, most_lines: int | None = None) -> str:
    """Returns the page. With `most_lines`, no more lines of the transcript and of the text than that are on it."""
    parts = [
        "".join(f"{line}\n" for line in lines)
        for lines in (
            list(_facts(findings, width)),
            list(_chunks(findings.chunks)),
            list(_transcript(findings.transcript, width, most_lines)),
            list(_recognized(findings, width, most_lines)),
        )
        if lines
    ]
    return "\n".join(parts) or "Nothing was found.\n"


def sentiment_words(found: SentimentFinding | None) -> str:
    """Returns the sentiment in words. What was not judged is not called neutral."""
    if found is None:
        return "–"
    if found.word is None:
        return f"not judged: {found.note or 'there is no sentence that can be judged.'}"
    if not found.positive and not found.negative:
        scores = f"{found.word}: no positive and no negative word"
    else:
        scores = f"{found.word} (positive {found.positive:.3f}, negative {found.negative:.3f})"
    if found.judged is None or found.sentences is None or found.judged == found.sentences:
        return scores
    note = f": {found.note}" if found.note else ""
    return f"{scores}; {found.judged} of {found.sentences} sentences were judged{note}"


def clock(ms: int) -> str:
    """Returns the time from the beginning of the media, as 0:01:05."""
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _facts(findings: Findings, width: int) -> Iterator[str]:
    facts = (
        ("summary", findings.summary),
        ("language", _languages(findings.languages)),
        ("sentiment", None if findings.sentiment is None else sentiment_words(findings.sentiment)),
        ("keywords", _names([keyword.label for keyword in findings.keywords])),
        ("entities", _names([_entity(one) for one in findings.entities])),
    )
    for label, text in facts:
        if text:
            yield from _wrapped(f"{label:<{_LABEL}}", text, width)


def _languages(languages: dict[str, int]) -> str:
    if set(languages) == {_UNDETERMINED}:
        return "not judged: there is too little text."
    if len({name.partition("-")[0] for name in languages}) == 1:  # "en-US" of a transcript, and "en" of its text
        return _language(max(languages, key=lambda name: (languages[name], "-" in name)), 0)
    return ", ".join(_language(language, chunks) for language, chunks in languages.items())


def _language(language: str, chunks: int) -> str:
    name = "not judged" if language == _UNDETERMINED else language
    return f"{name} ({chunks} chunk{'' if chunks == 1 else 's'})" if chunks else name


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _entity(one: EntityFinding) -> str:
    kind = f" ({one.kind})" if one.kind else ""
    return f"{one.label}{kind}{f' × {one.count}' if one.count > 1 else ''}"


def _chunks(chunks: Sequence[ChunkFinding]) -> Iterator[str]:
    """Yields a line for each chunk."""
    if not chunks:
        return
    wide = max(7, *(len(str(one.index)) + 2 for one in chunks))
    yield f"{'chunk':<{wide}}{'language':<10}sentiment"
    for one in chunks:
        found = one.sentiment
        judged = "not judged" if found is not None and found.word is None else sentiment_words(found).partition(";")[0]
        yield f"{one.index:<{wide}}{one.language or '–':<10}{judged}"


def _transcript(lines: Sequence[Utterance], width: int, most: int | None) -> Iterator[str]:
    if not lines:
        return
    yield "transcript"
    speaker = ""
    for line in lines[:most]:
        who = f"{line.speaker}: " if line.speaker and line.speaker != speaker else ""
        speaker = line.speaker
        yield from _wrapped(f"{clock(line.start_ms):>8}   ", who + line.text, width)
    yield from _rest(len(lines), most)


def _recognized(findings: Findings, width: int, most: int | None) -> Iterator[str]:
    """Yields the text that an engine has read or written. Other text is in the document that somebody has given."""
    texts = [one for one in findings.texts if one.kind in ("ocr", "translation")]
    if not texts:
        return
    yield "text"
    for one in texts[:most]:
        yield from _wrapped(f"{f'page {one.page}' if one.page else '':<{_LABEL}}", one.text, width)
    yield from _rest(len(texts), most)


def _rest(count: int, most: int | None) -> Iterator[str]:
    if most is not None and count > most:
        yield f"{'':<{_LABEL}}… and {count - most} lines more"


def _wrapped(head: str, text: str, width: int) -> Iterator[str]:
    """Yields the text in lines of this width, the first one after its head, the others below it."""
    room = max(20, width - len(head))
    lines = wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"{head}{lines[0]}".rstrip()
    yield from (f"{'':<{len(head)}}{line}" for line in lines[1:])
