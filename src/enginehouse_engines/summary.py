"""Summary by extraction: the sentences of a text that say most of it, in their order, without model or corpus."""

from typing import Any

from enginehouse.engine import Output, Work
from enginehouse_engines.aion import output
from enginehouse_engines.salience import salient
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, documents, invalid, options

ID = "e0d3b7c1-94a5-4f28-b6d9-1a75c08f2e64"
DEFAULT_MAX, LARGEST_MAX = 3, 100


class Extract:
    """Returns one AION document for each input: root `summary`, and its sentences in `vendor`.

    Payload: `maxSentences` (1 to 100, 3 when absent).
    """

    spec = chunk_spec(
        "summary",
        engine_id=ID,
        name="Summary (extractive)",
        slug="summary-extractive",
        description=(
            "Picks the sentences that say most of a text, in any language with spaces between words. Fair: the "
            "sentences are the text's own, and nothing is said in fewer words."
        ),
        category="Summary",
        category_id="5b7e2d94-8c16-4a3f-b0e5-f16d9a73c820",
        task_type="summary",
        memory_mb=1024,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the summary of every input. A short text is its own summary; one without words has none."""
        limit = _limit(work)
        return [output(_summarize(document, limit), document.source) for document in documents(work)]


def _summarize(document: Document, limit: int) -> dict[str, Any]:
    chosen, count = salient(document.text, limit=limit)
    if not chosen:
        return {"vendor": {"sentences": count, "note": "There are no sentences to choose from."}}
    return {
        "validationContracts": ["summary"],
        "summary": " ".join(chosen),
        "vendor": {"sentences": count, "sentencesChosen": len(chosen)},
    }


def _limit(work: Work) -> int:
    value = options(work).get("maxSentences", DEFAULT_MAX)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_MAX:
        raise invalid(f"payload.maxSentences: must be a whole number from 1 to {LARGEST_MAX}, not {value!r}.")
    return value


engine = Extract()
