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


def of_engine(engine: Engine) -> tuple[StandaloneTemplate, ...]:
    """Returns the templates of an engine: its own, or from the source through the engine to the output writer."""
    own, spec = engine.details.templates, engine.spec
    return tuple(StandaloneTemplate(use, own.get(use) or _text(spec, use)) for use in TemplateUse)


def _text(spec: EngineSpec, use: TemplateUse) -> str:
    tasks, routes = _adapter(use) if spec.ingests else _pipeline(spec, use)
    head = _UPLOAD if use is TemplateUse.UPLOAD else _REPROCESS
    return f'{{\n{head}{_COMMON}  "tasks": {_list(tasks)},\n  "routes": {_list(routes)}\n}}\n'


def _list(lines: list[str]) -> str:
    return "[" + ",".join(f"\n    {line}" for line in lines) + "\n  ]"


def _adapter(use: TemplateUse) -> tuple[list[str], list[str]]:
    payload = f"{{{_URL}}}" if use is TemplateUse.UPLOAD else "{}"
    return [f'{{"engineId": "{{{{{{ENGINE_ID}}}}}}", "payload": {payload}, {_PRIORITY % ""}}}'], []


def _pipeline(spec: EngineSpec, use: TemplateUse) -> tuple[list[str], list[str]]:
    source = _URL if use is TemplateUse.UPLOAD else ""
    tasks = [_task('"webstream"', f"{{{source}}}", [("source", "stream", "output")])]
    routes, mode = [], "stream"
    if spec.mode is EngineMode.CHUNK:
        folders = [("chunker-in", "stream", "input"), ("chunks", "chunk", "output")]
        tasks.append(_task('"chunker"', _CHUNKER, folders))
        routes.append(_route("source", "chunker-in"))
        mode = "chunk"
    folders = [("engine-in", mode, "input"), ("engine-out", "chunk", "output")]
    tasks.append(_task('"{{{ENGINE_ID}}}"', "{}", folders))
    routes.append(_route("chunks" if mode == "chunk" else "source", "engine-in"))
    tasks.append(_task('"output-writer"', "{}", [("writer-in", "chunk", "input")], waits=True))
    routes.append(_route("engine-out", "writer-in"))
    return tasks, routes


def _task(engine: str, payload: str, folders: list[tuple[str, str, str]], *, waits: bool = False) -> str:
    named = ", ".join(
        f'{{"referenceId": "{name}", "mode": "{mode}", "type": "{kind}"}}' for name, mode, kind in folders
    )
    preferences = _PRIORITY % (', "parentCompleteBeforeStarting": true' if waits else "")
    return f'{{"engineId": {engine}, "payload": {payload}, "ioFolders": [{named}], {preferences}}}'


def _route(parent: str, child: str) -> str:
    return f'{{"parentIoFolderReferenceId": "{parent}", "childIoFolderReferenceId": "{child}", "options": {{}}}}'
