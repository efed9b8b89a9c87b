"""Turns the flags and files that describe a schedule into the request that is sent."""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from enginehouse.cli import human_time
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import ENGINE, PIPELINE, TEMPLATE
from enginehouse.cli.options import engine_id, json_object, payload_option, read_json
from enginehouse.client import Client, Json, RequestFailed, pipelines
from enginehouse.domain.schedules.human_time import UnclearTime, calendar_date, length
from enginehouse.domain.schedules.zones import UnknownZone, zone_of

T = TypeVar("T")


# What a schedule of a pipeline is described by, unless a person says something else.
PIPELINE_WORDS: Final = re.compile(r"[a-z0-9-]+ of (a text|[\w.+-]+/[\w.+-]+( at \S+)?)")


class PipelineRun(NamedTuple):
    """The job template of a pipeline, and its words for people: which pipeline, of what."""

    template: Json
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFlags:
    """The flags that describe a schedule."""

    every: tuple[str, ...]
    cron: str | None
    mode: str | None
    zone: str | None
    since: str | None
    until: str | None
    exclude: tuple[str, ...]
    overlap: str | None
    catch_up: str | None
    catch_up_limit: int | None
    jitter: str | None
    templates: tuple[Path, ...]
    template_ids: tuple[str, ...]
    pipeline_ids: tuple[str, ...]
    engine: str | None
    payload: str | None
    pipeline: str | None
    address: str | None
    text: str | None
    media_type: str | None
    description: str | None

    def body(self, client: Client, *, fresh: bool) -> Json:
        """Returns the request. A `fresh` schedule always has a zone: if no flag names one, this machine's.

        What a pipeline runs is not in it: the server must look at its input for that.
        Raises CommandError, RequestFailed.
        """
        if sum((bool(self.every), self.cron is not None, self.mode is not None)) > 1:
            raise CommandError("Give one of --every, --cron, --once, --now and --continuous.", exit_code=2)
        zone = self.zone or (human_time.local_zone() if fresh else None)
        body: Json = {
            "description": self.description,
            "timeZone": zone,
            "overlapPolicy": self.overlap,
            "catchUp": self.catch_up,
            "catchUpLimit": self.catch_up_limit,
            "jitterSeconds": None if self.jitter is None else _read("--jitter", length, self.jitter),
            "excludedDates": [_read("--exclude", calendar_date, each) for each in self.exclude] or None,
            "startDateTime": self._moment("--from", self.since, zone),
            "stopDateTime": self._moment("--until", self.until, zone),
            "jobTemplateIds": list(self.template_ids) or None,
            "jobPipelineIds": list(self.pipeline_ids) or None,
            "jobTemplates": [*self._templates_of_files(), *self._template_of_engine(client)] or None,
        }
        return {name: value for name, value in body.items() if value is not None} | self._run_mode()

    def _run_mode(self) -> Json:
        if self.every:
            parts: Json = {}
            for each in self.every:
                for name, values in _read("--every", human_time.rhythm, each).items():
                    parts.setdefault(name, []).extend(values)
            return {"runMode": "Recurring"} | parts
        if self.cron is not None:
            return {"runMode": "Recurring", "cron": self.cron}
        return {} if self.mode is None else {"runMode": self.mode.capitalize()}

    def _moment(self, flag: str, text: str | None, zone_name: str | None) -> str | None:
        if text is None:
            return None
        try:
            zone = zone_of(zone_name or human_time.local_zone())
        except UnknownZone as unknown:
            raise CommandError(f"--zone: {unknown}", exit_code=2) from None
        return _read(flag, lambda moment: human_time.moment(moment, zone, datetime.now(UTC)), text)

    def _templates_of_files(self) -> Iterable[Json]:
        for path in self.templates:
            yield from _read_templates(path)

    def _template_of_engine(self, client: Client) -> Iterable[Json]:
        if self.engine is None:
            if self.payload is not None:
                raise CommandError("--payload goes with --engine.", exit_code=2)
            return
        task: Json = {"engineId": engine_id(client, self.engine)}
        if self.payload is not None:
            task["payload"] = json_object("--payload", self.payload)
        yield {"taskTemplates": [task]}

    def run_of_pipeline(self, client: Client) -> PipelineRun | None:
        """Returns what each run does if a pipeline is named. Raises CommandError, RequestFailed."""
        inputs = {"input": self.address, "text": self.text, "type": self.media_type}
        given = [f"--{flag}" for flag, value in inputs.items() if value is not None]
        if self.pipeline is None:
            if given:
                raise CommandError(f"{given[0]} goes with --pipeline.", exit_code=2)
            return None
        if not given or (self.text is not None and len(given) > 1):
            text = "say what each run reads: --input URL, --text TEXT, or --type TYPE of the target of a launch."
            got = f" Got {' and '.join(given)}." if given else ""
            raise CommandError(f"--pipeline: {text}{got}", exit_code=2)
        source = {"url": self.address, "text": self.text, "mediaType": self.media_type}
        try:
            plan = pipelines.plan(client, self.pipeline, {key: one for key, one in source.items() if one is not None})
        except RequestFailed as failure:
            if self.media_type is None and failure.message.startswith("url: "):
                text = f"--input: {failure.message[5:]} If it is not there yet, say with --type what it will be."
                raise CommandError(text) from None
            raise
        place = f" at {self.address}" if self.address else ""
        what = "a text" if self.text is not None else f"{plan['mediaType']}{place}"
        return PipelineRun(template_of(plan["job"], "--pipeline"), f"{self.pipeline} of {what}")


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes the flags, and gets their values as `flags`."""

    @click.option(
        "--every", multiple=True, metavar="RHYTHM", help='As in "15 minutes", "day at 21:30", "mon, fri at 9am".'
    )
    @click.option("--cron", metavar="LINE", help='Five fields, as in "30 6 * * 1-5".')
    @click.option("--once", "mode", flag_value="once", help="The schedule runs when it is launched.")
    @click.option("--now", "mode", flag_value="now", help="The schedule runs at once, and again when it is launched.")
    @click.option("--continuous", "mode", flag_value="continuous", help="A run starts when the one before has ended.")
    @click.option("--zone", help="The time zone of its times, as in Europe/Prague. Without it, this machine's.")
    @click.option("--from", "since", metavar="MOMENT", help='No run before, as in "2026-12-01 10:00", "tomorrow 9am".')
    @click.option("--until", metavar="MOMENT", help="No run after.")
    @click.option("--exclude", multiple=True, metavar="DATE", help="A local date without runs. May be repeated.")
    @click.option(
        "--overlap",
        type=click.Choice(["allow", "skip", "queue", "replace"]),
        help="What a run does while the one before has not ended.",
    )
    @click.option("--catch-up", type=click.Choice(["none", "last", "all"]), help="Which of the missed slots still run.")
    @click.option("--catch-up-limit", type=int, help="With --catch-up all: how many of them at most.")
    @click.option("--jitter", metavar="LENGTH", help='A run starts up to this much later, as in "30 s".')
    @click.option(
        "--template",
        "templates",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="A JSON file with a job template, or the input of createJob.",
    )
    @click.option("--template-id", "template_ids", type=TEMPLATE, multiple=True, help="A job template on the server.")
    @click.option("--pipeline-id", "pipeline_ids", multiple=True, help="A job pipeline on the server.")
    @click.option("--engine", type=ENGINE, help="A job of one task: the engine's id, its slug or a part of its name.")
    @payload_option
    @click.option(
        "--pipeline",
        type=PIPELINE,
        help="A pipeline, as it is now for the type of what each run reads. See: enginehouse pipeline list",
    )
    @click.option(
        "--input", "address", metavar="URL", help="With --pipeline: each run reads what is then at this address …"
    )
    @click.option("--text", help="… or this text.")
    @click.option(
        "--type",
        "media_type",
        metavar="TYPE",
        help="With --pipeline: the type of what each run reads, as in audio/mpeg.  [default: that of what is there]",
    )
    @click.option("--description", help="A remark for people.")
    @functools.wraps(command)
    def with_flags(*args: Any, **options: Any) -> Any:
        flags = ScheduleFlags(**{field.name: options.pop(field.name) for field in fields(ScheduleFlags)})
        return command(*args, flags=flags, **options)

    return with_flags


def _read_templates(path: Path) -> list[Json]:
    """Returns the job templates in a file: one, a list, or what createJob takes. Raises CommandError."""
    try:
        content = read_json(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise CommandError(f"--template {path}: {fault}.", exit_code=2) from None
    templates = content.get("jobTemplates", content) if isinstance(content, dict) else content
    if not isinstance(templates, list):
        templates = [templates]
    if not templates:
        raise CommandError(f"--template {path}: there is no template in it.", exit_code=2)
    return [template_of(each, f"--template {path}") for each in templates]


def template_of(content: Any, place: str) -> Json:
    """Returns the job template: the content itself, or made of an input of createJob. Raises CommandError."""
    content = content.get("input", content) if isinstance(content, dict) else content
    if isinstance(content, dict) and "tasks" in content:
        names = ("routes", "jobConfig", "clusterId", "skipDecider")
        return {"taskTemplates": content["tasks"]} | {name: content[name] for name in names if name in content}
    if not isinstance(content, dict) or "taskTemplates" not in content:
        text = 'an object with "taskTemplates", or with "tasks" (the input of createJob), is needed.'
        raise CommandError(f"{place}: {text}", exit_code=2)
    return content


def _read(flag: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except UnclearTime as unclear:
        raise CommandError(f"{flag}: {unclear}", exit_code=2) from None
