"""Named entities with spaCy: finds the people, places, organizations … in a text, by the installed pipelines."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from enginehouse.engine import EngineFailure, EngineSpec, FailureKind, Output, Work
from enginehouse_engines.aion import output
from enginehouse_engines.prose import guess_language, words
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import Document, documents, invalid, options

ID = "4f83d6a1-70c9-4be2-95d8-c2e61b3a0f79"
_GROUP = "spacy_models"  # in which packages with a pipeline of spaCy name it
_SIZES = "sm md lg trf"  # the sizes of pipelines, the smallest first
_LONGEST = 500_000  # characters that are looked at together
_KINDS = {"PER": "PERSON", "GPE": "PLACE", "LOC": "PLACE", "FAC": "PLACE", "ORG": "ORGANIZATION"}

SPEC = chunk_spec(
    "entities",
    engine_id=ID,
    name="Entity extraction (spaCy)",
    slug="entities-spacy",
    description=(
        "Finds people, places, organizations, dates and amounts in the languages whose spaCy pipelines are installed. "
        "Good on clear prose; about one in six is missed or wrong with the small pipelines."
    ),
    category="Entity extraction",
    category_id="9a1c5e70-3f42-4b8d-a6d7-28e0b4f91c53",
    task_type="entities",
    memory_mb=3072,
    timeout_seconds=600,
)


class Entities:
    """Returns one AION document for each input: an `object` of type namedEntity for each name, with its kind.

    Payload: `language` (two letters; that of the input or a guess when absent). An input in a language without a
    pipeline has none, and `vendor` says so.
    """

    @property
    def spec(self) -> EngineSpec:
        """The declaration. Raises EngineFailure without a pipeline, so that a server offers what it can run."""
        _pipelines()
        return SPEC

    def process(self, work: Work) -> list[Output]:
        """Returns the named entities of every input, the most frequent first."""
        here = _pipelines()
        wanted = options(work).get("language")
        if wanted is not None and (not isinstance(wanted, str) or _short(wanted) not in here):
            raise invalid(f"payload.language: must be one of {', '.join(here)}, not {wanted!r}.")
        return [output(_extract(document, wanted, here), document.source) for document in documents(work)]


def _extract(document: Document, wanted: str | None, here: dict[str, str]) -> dict[str, Any]:
    language = _short(wanted or document.language or guess_language(words(document.text)) or "")
    answer: dict[str, Any] = {"validationContracts": ["entity"], "object": []}
    if language not in here:
        # A text that is too short to decide is tried with the only pipeline, if there is just one.
        if language or len(here) > 1:
            known = ", ".join(here)
            note = f"The language of the text is {language or 'not known'}; there are pipelines for {known}."
            return answer | {"vendor": {"note": note}}
        [language] = here
    pipeline = _pipeline(here[language])
    found = Counter(entity for part in _parts(document) for entity in _named(pipeline, part))
    answer["object"] = [
        {
            "type": "namedEntity",
            "label": label,
            "objectCategory": [{"class": kind}],
            "vendor": {"occurrences": count},
        }
        for (label, kind), count in found.most_common()
    ]
    return answer | {"language": language, "vendor": {"pipeline": here[language]}}


def _named(pipeline: Any, text: str) -> Iterator[tuple[str, str]]:
    for entity in pipeline(text).ents:
        if any(character.isalnum() for character in entity.text):
            yield " ".join(entity.text.split()), _KINDS.get(entity.label_, entity.label_)


def _parts(document: Document) -> Iterator[str]:
    for passage in document.passages:
        for start in range(0, len(passage.text), _LONGEST):
            yield passage.text[start : start + _LONGEST]


def _short(language: str) -> str:
    return language.lower().partition("-")[0]


def _pipelines() -> dict[str, str]:
    """Returns the names of the installed pipelines by their languages, of one language the largest.

    A package is named after its language and its size. Raises EngineFailure without any.
    """
    names = {point.value.partition(":")[0] for point in entry_points(group=_GROUP)}
    found = sorted(names, key=lambda name: (max(map(_SIZES.find, name.split("_"))), name))
    if not found:
        raise EngineFailure(
            "No pipeline of spaCy is installed. Install one beside it, such as en_core_web_sm (spacy.io/models).",
            FailureKind.SYSTEM_DEPENDENCY_MISSING,
        )
    return {name.partition("_")[0]: name for name in found}


@lru_cache(maxsize=2)
def _pipeline(name: str) -> Any:
    """Returns the loaded pipeline, with what names need of it."""
    return import_module(name).load(exclude=["tagger", "parser", "lemmatizer", "attribute_ruler", "morphologizer"])


engine = Entities()
