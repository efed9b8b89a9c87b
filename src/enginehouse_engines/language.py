"""Language identification with langid: finds the language of a text, and how sure that is."""

import os
from functools import cache
from importlib import import_module
from typing import Any

from enginehouse.engine import Output, Work
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, documents

ID = "6a7d2c1e-58b3-4f0a-9d6e-3b8f41c7e205"
UNDETERMINED = "und"  # the name in BCP 47 for a text without a language


class LanguageIdentification:
    """Returns one AION document for each input: root `language`; the confidence and the next best under `vendor`."""

    spec = chunk_spec(
        "language",
        engine_id=ID,
        name="Language identification (langid)",
        slug="language-langid",
        description="Tells which of 97 languages a text is in.",
        category="Language identification",
        category_id="a856c447-1030-4fb0-917f-08179f949c4e",
        task_type="language",
        memory_mb=2048,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the language of every input, `und` for text without words."""
        return [output(_identify(document), document.source) for document in documents(work)]


def _identify(document: Document) -> dict[str, Any]:
    text = document.text
    if not any(character.isalpha() for character in text):
        return {"validationContracts": ["language"], "language": UNDETERMINED, "vendor": {"confidence": 0.0}}
    ranked = [(language, fraction(probability)) for language, probability in _identifier().rank(text)[:3]]
    language, confidence = ranked[0]
    result: dict[str, Any] = {
        "validationContracts": ["language"],
        "language": language,
        "vendor": {
            "confidence": confidence,
            "alternatives": [{"language": other, "confidence": less} for other, less in ranked[1:]],
            "characters": len(text),
        },
    }
    if span := document.span:
        result["series"] = [{"startTimeMs": span[0], "stopTimeMs": span[1], "language": language}]
    return result


@cache
def _identifier() -> Any:
    # Its matrices are small, so threads gain nothing. Each would reserve address space, which is scarce in the child.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    langid = import_module("langid.langid")  # it costs a second and 180 MB, so it is loaded for the first text
    return langid.LanguageIdentifier.from_modelstring(langid.model, norm_probs=True)


engine = LanguageIdentification()
