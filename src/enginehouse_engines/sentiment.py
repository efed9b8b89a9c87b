"""Sentiment by lexicons, VADER's for English: how positive and how negative each sentence and the whole are."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from enginehouse.engine import Output, Work
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.lexicon import LANGUAGES, moods
from enginehouse_engines.prose import guess_language, paragraphs, sentences, words
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, Passage, documents

ID = "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"


class Sentiment:
    """Returns one AION document for each input: root `sentiment`, and one for each sentence.

    Sentences of text are in `object` with their paragraph and sentence numbers inside the input; passages of speech are
    in `series` at their times. Text in a language without a lexicon has no sentiment, and `vendor` says that it was not
    judged. So has a sentence without a word of our own lists, which are short.
    """

    spec = chunk_spec(
        "sentiment",
        engine_id=ID,
        name="Sentiment (VADER)",
        slug="sentiment-vader",
        description=(
            "Tells how positive and how negative sentences are, by a lexicon for English and by short word lists for "
            "German, French, Spanish, Italian, Dutch and Portuguese. Fair: about two reviews in three are told right, "
            "most of the others not at all."
        ),
        category="Sentiment",
        category_id="f2554098-f14b-4d81-9be1-41d0f992a22f",
        task_type="sentiment",
        memory_mb=1024,
        languages=("en", *LANGUAGES),
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the sentiment of every input. Text without words has none."""
        return [output(_judge(document), document.source) for document in documents(work)]


@dataclass(frozen=True, slots=True)
class _Verdict:
    positive: float
    negative: float
    compound: float
    words: int
    known: int
    language: str | None = None  # of the lexicon, None if the sentence was not judged

    @property
    def judged(self) -> bool:
        return self.language is not None

    @property
    def sentiment(self) -> dict[str, dict[str, float]]:
        """The field `sentiment`, nothing if the sentence was not judged."""
        if not self.judged:
            return {}
        return {"sentiment": {"positiveValue": fraction(self.positive), "negativeValue": fraction(self.negative)}}


def _judge(document: Document) -> dict[str, Any]:
    verdicts: list[_Verdict] = []
    objects: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    number = 0
    for passage in document.passages:
        for paragraph in paragraphs(passage.text):
            number += 1
            language = _language(paragraph, document.language)
            judged = [(sentence, _verdict(sentence, language)) for sentence in sentences(paragraph)]
            verdicts += [verdict for _, verdict in judged]
            if passage.start_ms is None:
                objects += [_written(*pair, number, n) for n, pair in enumerate(judged, 1)]
            else:
                series += [_spoken(*pair, passage) for pair in judged]
    overall = _overall(verdicts)
    answer: dict[str, Any] = {
        "validationContracts": [*overall, "text"],
        **overall,
        "object": objects,
        "vendor": _coverage(verdicts),
    }
    if series:
        answer["series"] = series
        if not objects:
            del answer["object"]
    return answer


def _written(sentence: str, verdict: _Verdict, paragraph: int, number: int) -> dict[str, Any]:
    return {
        "type": "text",
        "text": sentence,
        "paragraph": paragraph,
        "sentence": number,
        **verdict.sentiment,
    }


def _spoken(sentence: str, verdict: _Verdict, passage: Passage) -> dict[str, Any]:
    # The text contract forbids paragraph and sentence numbers together with times.
    return {
        "startTimeMs": passage.start_ms,
        "stopTimeMs": passage.stop_ms,
        **verdict.sentiment,
        "object": {"type": "text", "text": sentence, **verdict.sentiment},
    }


def _overall(verdicts: list[_Verdict]) -> dict[str, dict[str, float]]:
    """Returns the field `sentiment`: the mean of the judged sentences, as VADER's authors advise for longer texts.

    Nothing if none was judged: zeros would say that the text is neutral.
    """
    judged = [verdict for verdict in verdicts if verdict.judged]
    if not judged:
        return {}
    mean = {
        "positiveValue": fraction(sum(v.positive for v in judged) / len(judged)),
        "negativeValue": fraction(sum(v.negative for v in judged) / len(judged)),
    }
    return {"sentiment": mean}


def _coverage(verdicts: list[_Verdict]) -> dict[str, Any]:
    """Returns how much of the text the lexicons know."""
    judged = [verdict for verdict in verdicts if verdict.judged]
    total = sum(verdict.words for verdict in verdicts)
    answer: dict[str, Any] = {
        "lexicon": _lexicons({verdict.language for verdict in judged if verdict.language}),
        "compound": round(sum(v.compound for v in judged) / len(judged), 4) if judged else 0.0,
        "coverage": fraction(sum(v.known for v in judged) / total) if total else 0.0,
        "sentences": len(verdicts),
        "sentencesJudged": len(judged),
    }
    if len(judged) < len(verdicts):
        answer["note"] = "Sentences without a word of a lexicon were not judged."
    return answer


def _lexicons(languages: set[str]) -> str:
    own = sorted(languages - {"en"})
    lists = f"word lists ({', '.join(own)})" if own else ""
    return ", ".join(filter(None, ["VADER (English)" if "en" in languages or not own else "", lists]))


def _language(paragraph: str, declared: str | None) -> str | None:
    """Returns the language whose lexicon may judge this paragraph. English has the words "die" and "war", too."""
    tokens = words(paragraph)
    language = guess_language(tokens) or (declared.lower().partition("-")[0] if declared else None)
    if language is None:
        # Text that is too short to decide counts as English if the lexicon knows some of it.
        lexicon = _analyzer().lexicon
        return "en" if len(tokens) <= 6 and any(word in lexicon for word in tokens) else None
    return language if language == "en" or language in LANGUAGES else None


def _verdict(sentence: str, language: str | None) -> _Verdict:
    tokens = words(sentence)
    if language is None:
        return _Verdict(0.0, 0.0, 0.0, len(tokens), 0)
    if language != "en":
        found = moods(sentence, language)
        judged = language if found.known else None
        return _Verdict(found.positive, found.negative, found.compound, len(tokens), found.known, judged)
    analyzer = _analyzer()
    scores = analyzer.polarity_scores(sentence)
    known = sum(word in analyzer.lexicon for word in tokens)
    return _Verdict(scores["pos"], scores["neg"], scores["compound"], len(tokens), known, language)


@cache
def _analyzer() -> Any:
    return import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()


engine = Sentiment()
