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
    """Returns one AION document for all inputs together: root `summary`, and its sentences in `vendor`.

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
        gathers=True,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the summary of all that was read. A short text is its own summary; one without words has none."""
        limit = _limit(work)
        if work.folders and not work.inputs:
            return []  # nothing was found to read
        return [output(_summarize("\n\n".join(one.text for one in _in_order(work)), limit), None)]


def _in_order(work: Work) -> list[Document]:
    """Returns the chunks in the order of the whole."""
    found = documents(work)
    return sorted(found, key=lambda one: (one.source.folder, one.source.index) if one.source else (0, 0))


def _summarize(text: str, limit: int) -> dict[str, Any]:
    chosen, count = salient(text, limit=limit)
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
