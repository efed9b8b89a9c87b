"""The Handlebars templates from which `launchSingleEngineJob` makes a job of one engine (graphql-contract §3.3)."""

from enum import StrEnum
from typing import Final, NamedTuple

from enginehouse.domain.engine import Engine, EngineMode, EngineSpec


class TemplateUse(StrEnum):
    """What a template is for: new media from an address, or media that a target already has."""

    UPLOAD = "Upload"
    REPROCESS = "Reprocess"


class StandaloneTemplate(NamedTuple):
    """The template of an engine. The rendered text is the JSON of a CreateJob input."""

    use: TemplateUse
    text: str


_PRIORITY: Final = '"executionPreferences": {"priority": {{#if priority}}{{{priority}}}{{else}}-20{{/if}}%s}'
_COMMON: Final = """\
  {{#if clusterId}}"clusterId": "{{{clusterId}}}",{{/if}}
  {{#if notificationUri}}"notificationUris": ["{{{notificationUri}}}"],{{/if}}
"""
_UPLOAD: Final = '  "target": {"status": "downloaded"},\n'
_REPROCESS: Final = '  "targetId": "{{{TARGET_ID}}}",\n'
_URL: Final = '"url": "{{{UPLOAD_URL}}}"'
_CHUNKER: Final = (
    '{"customFFMPEGProperties": { '
    '{{#if chunkSizeInSeconds}}"chunkSizeInSeconds": "{{{chunkSizeInSeconds}}}"'
    "{{#if framesPerSecond}},{{/if}}{{/if}}"
    '{{#if framesPerSecond}}"framesPerSecond": "{{{framesPerSecond}}}"{{/if}} }}'
)


class Step(NamedTuple):
    """A task between the input and the outputs of a job. `payload` is the text of a template.

    `folders`: the name, the mode and the type of each. `waits`: it starts after its parent has completed.
    """

    engine: str
    payload: str
    folders: tuple[tuple[str, str, str], ...] = ()
    waits: bool = False


def of_engine(engine: Engine) -> tuple[StandaloneTemplate, ...]:
    """Returns the templates of an engine: its own, or from the source through the engine to the output writer."""
    own, spec = engine.details.templates, engine.spec
    return tuple(StandaloneTemplate(use, own.get(use) or _text(spec, use)) for use in TemplateUse)


def steps(spec: EngineSpec, source: str) -> tuple[list[Step], list[tuple[str, str]]]:
    """Returns the tasks from the source through the engine to the output writer, and the routes between folders.

    `source` is what the payload of the first task says about the input.
    """
    if spec.ingests:
        return [Step("{{{ENGINE_ID}}}", f"{{{source}}}")], []
    tasks = [Step("webstream", f"{{{source}}}", (("source", "stream", "output"),))]
    routes, mode, parent = [], "stream", "source"
    if spec.mode is EngineMode.CHUNK:
        tasks.append(Step("chunker", _CHUNKER, (("chunker-in", "stream", "input"), ("chunks", "chunk", "output"))))
        routes.append(("source", "chunker-in"))
        mode, parent = "chunk", "chunks"
    tasks.append(Step("{{{ENGINE_ID}}}", "{}", (("engine-in", mode, "input"), ("engine-out", "chunk", "output"))))
    routes.append((parent, "engine-in"))
    tasks.append(Step("output-writer", "{}", (("writer-in", "chunk", "input"),), waits=True))
    routes.append(("engine-out", "writer-in"))
    return tasks, routes


def _text(spec: EngineSpec, use: TemplateUse) -> str:
    source = _URL if use is TemplateUse.UPLOAD else ""
    tasks, routes = steps(spec, source)
    head = _UPLOAD if use is TemplateUse.UPLOAD else _REPROCESS
    shown = _list([_task(task) for task in tasks]), _list([_route(*route) for route in routes])
    return f'{{\n{head}{_COMMON}  "tasks": {shown[0]},\n  "routes": {shown[1]}\n}}\n'


def _list(lines: list[str]) -> str:
    return "[" + ",".join(f"\n    {line}" for line in lines) + "\n  ]"


def _task(task: Step) -> str:
    named = ", ".join(
        f'{{"referenceId": "{name}", "mode": "{mode}", "type": "{kind}"}}' for name, mode, kind in task.folders
    )
    folders = f'"ioFolders": [{named}], ' if named else ""
    preferences = _PRIORITY % (', "parentCompleteBeforeStarting": true' if task.waits else "")
    return f'{{"engineId": "{task.engine}", "payload": {task.payload}, {folders}{preferences}}}'


def _route(parent: str, child: str) -> str:
    return f'{{"parentIoFolderReferenceId": "{parent}", "childIoFolderReferenceId": "{child}", "options": {{}}}}'
