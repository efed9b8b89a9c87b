"""Which engine does a step of a pipeline: the first that it prefers and that is here, else one of its category."""

from collections.abc import Iterable, Mapping
from typing import Final

from enginehouse.domain.engine import Engine, EngineSpec
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.pipelines import FILE, INPUT, Pipeline, PipelineInput, PipelineStep, nearest
from enginehouse.operations import engine_categories, engines
from enginehouse.operations.engines import usable
from enginehouse.operations.house import House
from enginehouse.text.media_types import PLAIN, WAVE, takes

TRANSCRIPTION: Final = PipelineStep(
    name="transcript", engines=("transcription-whisper", "transcription-pocketsphinx"), category="Transcription"
)
RECOGNITION: Final = PipelineStep(name="recognition", engines=("ocr-rapidocr",), category="Text recognition")
EXTRACTION: Final = PipelineStep(name="extraction", engines=("text-extract",))
_GETS: Final = {PipelineInput.TEXT: PLAIN, PipelineInput.SOUND: WAVE, PipelineInput.CHUNKS: None}


class EngineChoices:
    """The engines that a caller may use, by what a step says of them. `categories` are names and ids to ids."""

    def __init__(self, house: House, principal: Principal, categories: Mapping[str, str]) -> None:
        self._house = house
        self._principal = principal
        self._categories = categories

    @classmethod
    async def of(cls, house: House, principal: Principal) -> "EngineChoices":
        """Returns the choices of this caller now."""
        known = await engine_categories.list_(house, principal)
        return cls(
            house, principal, {each.name.casefold(): each.id for each in known} | {each.id: each.id for each in known}
        )

    def best(self, step: PipelineStep, media_type: str | None = None) -> EngineSpec | None:
        """Returns the engine for the step, one that takes the type of its input if that is known; None without one.

        One that is paused is only chosen if there is no other: its work would wait.
        """
        able = [
            engine
            for engine in self._candidates(step)
            if self._house.presence.has(engine) and (media_type is None or _takes(engine.spec, media_type))
        ]
        able.sort(key=lambda engine: engine.state != "active")  # stable: the order of preference stays
        return able[0].spec if able else None

    def fault(self, step: PipelineStep) -> str:
        """Returns the sentence about a step for which there is no engine."""
        wanted = [f'"{name}"' for name in step.engines]
        if step.category is not None:
            wanted.append(f'the category "{step.category}"')
        hint = "".join(self._hint(name) for name in step.engines[:3])
        if step.category is not None and not self._category(step.category):
            hint += nearest(step.category.casefold(), [each for each in self._categories if "-0000-" not in each])
        return f"no engine is installed for it that takes its input: {' or '.join(wanted)}.{hint}"

    def _candidates(self, step: PipelineStep) -> Iterable[Engine]:
        found = {}
        for name in step.engines:
            if (engine := engines.find(self._house, self._principal, name)) is not None:
                found[engine.id] = engine
        if step.category is not None and (category := self._category(step.category)) is not None:
            for engine in engines.usable_of_category(self._house, self._principal, category):
                found.setdefault(engine.id, engine)
        return found.values()

    def _category(self, text: str) -> str | None:
        return self._categories.get(text.casefold())

    def _hint(self, name: str) -> str:
        if engines.find(self._house, self._principal, name) is not None:
            return ""
        known = self._house.catalogue.by_id.values()
        return nearest(name, [e.spec.slug for e in known if e.spec.slug and usable(self._house, self._principal, e)])


def received(pipeline: Pipeline, step: PipelineStep, file: str | None = None) -> str | None:
    """Returns the media type of what the step gets, None if it is only known later. `file` is the type of the file."""
    return file if step.reads == FILE else _GETS[pipeline.input] if step.reads == INPUT else None


async def of_steps(house: House, principal: Principal, known: Iterable[Pipeline]) -> dict[str, list[EngineSpec | None]]:
    """Returns the engine that does each step now, None for one without, by the names of the pipelines."""
    choices = await EngineChoices.of(house, principal)
    return {each.name: [choices.best(step, received(each, step)) for step in each.steps] for each in known}


def has_named(house: House, principal: Principal, pipeline: Pipeline) -> bool:
    """Returns True if each step that is not optional has an engine that it names. Categories are not looked at."""
    choices = EngineChoices(house, principal, {})
    return all(step.optional or choices.best(step, received(pipeline, step)) for step in pipeline.steps)


async def missing(house: House, principal: Principal, pipeline: Pipeline) -> list[Problem]:
    """Returns a problem for each step that needs an engine and has none now."""
    choices = await EngineChoices.of(house, principal)
    return [
        Problem(f"steps[{n}].engines", choices.fault(step))
        for n, step in enumerate(pipeline.steps)
        if not step.optional and choices.best(step, received(pipeline, step)) is None
    ]


def _takes(spec: EngineSpec, media_type: str) -> bool:
    return not spec.inputs or takes(spec.inputs, media_type)
