"""From what a person says of a schedule, in flags and files, to the request that is sent."""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from enginehouse.cli import human_time
from enginehouse.cli.job_options import engine_id
from enginehouse.cli.problem import FailureError
from enginehouse.client.http import Connection
from enginehouse.domain.schedules.zones import UnknownZone, zone_of

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The flags as they were given."""

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
    description: str | None

    def body(self, server: Connection, *, fresh: bool) -> Json:
        """The request. A `fresh` schedule has a zone, this machine's where none is named. Raises FailureError."""
        if sum((bool(self.every), self.cron is not None, self.mode is not None)) > 1:
            raise FailureError("Give one of --every, --cron, --once, --now and --continuous.", exit_code=2)
        zone = self.zone or (human_time.local_zone() if fresh else None)
        given: Json = {
            "description": self.description,
            "timeZone": zone,
            "overlapPolicy": self.overlap,
            "catchUp": self.catch_up,
            "catchUpLimit": self.catch_up_limit,
            "jitterSeconds": None if self.jitter is None else _read("--jitter", human_time.length, self.jitter),
            "excludedDates": [_read("--exclude", human_time.excluded, each) for each in self.exclude] or None,
            "startDateTime": self._moment("--from", self.since, zone),
            "stopDateTime": self._moment("--until", self.until, zone),
            "jobTemplateIds": list(self.template_ids) or None,
            "jobPipelineIds": list(self.pipeline_ids) or None,
            "jobTemplates": [*self._from_files(), *self._from_engine(server)] or None,
        }
        return {name: value for name, value in given.items() if value is not None} | self._when()

    def _when(self) -> Json:
        if self.every:
            parts: Json = {}
            for each in self.every:
                for name, found in _read("--every", human_time.rhythm, each).items():
                    parts.setdefault(name, []).extend(found)
            return {"runMode": "Recurring"} | parts
        if self.cron is not None:
            return {"runMode": "Recurring", "cron": self.cron}
        return {} if self.mode is None else {"runMode": self.mode.capitalize()}

    def _moment(self, flag: str, text: str | None, zone: str | None) -> str | None:
        if text is None:
            return None
        try:
            known = zone_of(zone or human_time.local_zone())
        except UnknownZone as unknown:
            raise FailureError(f"--zone: {unknown}", exit_code=2) from None
        return _read(flag, lambda given: human_time.moment(given, known, datetime.now(UTC)), text)

    def _from_files(self) -> Iterable[Json]:
        for path in self.templates:
            yield from _templates_in(path)

    def _from_engine(self, server: Connection) -> Iterable[Json]:
        if self.engine is None:
            if self.payload is not None:
                raise FailureError("--payload goes with --engine.", exit_code=2)
            return
        task: Json = {"engineId": engine_id(server, self.engine)}
        if self.payload is not None:
            task["payload"] = json_object("--payload", self.payload)
        yield {"taskTemplates": [task]}


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes the flags and is called with a Described first."""

    @click.option(
        "--every", multiple=True, metavar="RHYTHM", help='As in "15 minutes", "day at 21:30", "mon, fri at 9am".'
    )
    @click.option("--cron", metavar="LINE", help='Five fields, as in "30 6 * * 1-5".')
    @click.option("--once", "mode", flag_value="once", help="It waits for: enginehouse schedule run.")
    @click.option("--now", "mode", flag_value="now", help="It runs at once, and then waits for a launch.")
    @click.option("--continuous", "mode", flag_value="continuous", help="A run follows when the one before has ended.")
    @click.option("--zone", help="The time zone of its times, as in Europe/Prague; else this machine's.")
    @click.option("--from", "since", metavar="MOMENT", help='Not before, as in "2026-12-01 10:00" or "tomorrow 9am".')
    @click.option("--until", metavar="MOMENT", help="Not after.")
    @click.option("--exclude", multiple=True, metavar="DATE", help="A local date without runs; may be given again.")
    @click.option(
        "--overlap",
        type=click.Choice(["allow", "skip", "queue", "replace"]),
        help="What a run does while the one before goes on.",
    )
    @click.option("--catch-up", type=click.Choice(["none", "last", "all"]), help="Which missed runs are made up for.")
    @click.option("--catch-up-limit", type=int, help="With --catch-up all: at most so many.")
    @click.option("--jitter", metavar="LENGTH", help='A run starts up to so much later, as in "30 s".')
    @click.option(
        "--template",
        "templates",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="A JSON file with a job template, or the input of createJob.",
    )
    @click.option("--template-id", "template_ids", multiple=True, help="A job template that is there.")
    @click.option("--pipeline-id", "pipeline_ids", multiple=True, help="A job pipeline that is there.")
    @click.option("--engine", help="A job of one task: the engine's id, its slug or a part of its name.")
    @click.option("--payload", metavar="JSON", help="The engine's settings, an object.")
    @click.option("--description", help="For people.")
    @functools.wraps(command)
    def described(*args: Any, **given: Any) -> Any:
        flags = {name: given.pop(name) for name in Described.__slots__}
        return command(*args, described=Described(**flags), **given)

    return described


def json_object(flag: str, text: str) -> Json:
    """The object in the text. Raises FailureError."""
    try:
        given = json.loads(text)
    except ValueError as fault:
        raise FailureError(f"{flag}: not JSON: {fault}.", exit_code=2) from None
    if not isinstance(given, dict):
        raise FailureError(f"{flag}: a JSON object is needed.", exit_code=2)
    return given


def _templates_in(path: Path) -> list[Json]:
    """The job templates in a file: one, a list, or what createJob takes. Raises FailureError."""
    try:
        given = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise FailureError(f"--template {path}: {fault}.", exit_code=2) from None
    found = given.get("jobTemplates", given) if isinstance(given, dict) else given
    made = [_template(each, path) for each in (found if isinstance(found, list) else [found])]
    if not made:
        raise FailureError(f"--template {path}: there is no template in it.", exit_code=2)
    return made


def _template(given: Any, path: Path) -> Json:
    given = given.get("input", given) if isinstance(given, dict) else given
    if isinstance(given, dict) and "tasks" in given:
        kept = {name: given[name] for name in ("routes", "jobConfig", "clusterId", "skipDecider") if name in given}
        return {"taskTemplates": given["tasks"]} | kept
    if not isinstance(given, dict) or "taskTemplates" not in given:
        text = 'an object with "taskTemplates", or with "tasks" (the input of createJob), is needed.'
        raise FailureError(f"--template {path}: {text}", exit_code=2)
    return given


def _read(flag: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except human_time.UnclearTime as unclear:
        raise FailureError(f"{flag}: {unclear}", exit_code=2) from None
