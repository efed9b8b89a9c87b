"""Keyword extraction: finds the phrases that a text is about, in any language that has stop words here."""

from typing import Any

from enginehouse.engine import Output, Work
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.prose import LANGUAGES
from enginehouse_engines.ranking import keywords
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, documents, invalid, options

ID = "e4c81f37-0a9b-4d52-b6e8-71f2d05a9c13"
DEFAULT_MAX, LARGEST_MAX = 10, 1000


class Keywords:
    """Returns one AION document for each input: an `object` of type keyword for each phrase, the best first.

    Payload: `maxKeywords` (1 to 1000, 10 when absent), `language` (two letters; guessed per paragraph when absent).
    `confidence` compares the phrases of one input with each other; it is not a probability.
    """

    spec = chunk_spec(
        "keywords",
        engine_id=ID,
        name="Keyword extraction",
        slug="keywords-statistical",
        description="Finds the phrases a text is about, by where and how often they occur.",
        category="Keyword extraction",
        category_id="dd7a1f0c-2d3c-4f6e-9a40-5b1f7d3d6e21",
        task_type="keywords",
        memory_mb=1024,
        languages=LANGUAGES,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the keywords of every input. Text without words has none."""
        limit, language = _limit(work), _language(work)
        return [output(_extract(document, limit, language), document.source) for document in documents(work)]


def _extract(document: Document, limit: int, language: str | None) -> dict[str, Any]:
    ranked = keywords(document.text, limit=limit, language=language)
    return {
        "validationContracts": ["keyword"],
        "object": [
            {
                "type": "keyword",
                "label": keyword.label,
                "confidence": fraction(keyword.score),
                "vendor": {"occurrences": keyword.count},
            }
            for keyword in ranked
        ],
    }


def _limit(work: Work) -> int:
    value = options(work).get("maxKeywords", DEFAULT_MAX)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_MAX:
        raise invalid(f"payload.maxKeywords: must be a whole number from 1 to {LARGEST_MAX}, not {value!r}.")
    return value


def _language(work: Work) -> str | None:
    value = options(work).get("language")
    if value is None:
        return None
    code = value.lower().partition("-")[0] if isinstance(value, str) else ""
    if code not in LANGUAGES:
        raise invalid(f"payload.language: must be one of {', '.join(LANGUAGES)}, not {value!r}.")
    return code


engine = Keywords()
