"""Options that several commands take, and how their values are read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import MOMENT
from enginehouse.cli.near_words import did_you_mean
from enginehouse.client import Client, Json, engines
from enginehouse.domain.numbers import exact_float

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


class RenamedOption(click.Option):
    """An option whose `old` names go on working. Nothing shows them."""

    def __init__(self, *args: Any, old: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._old = tuple(old)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """The parser knows the option by all its names."""
        super().add_to_parser(parser, ctx)
        if self._old:
            action = "append" if self.multiple else "store"
            parser.add_option(obj=self, opts=self._old, dest=self.name, action=action, nargs=self.nargs)


key_option: Decorator = click.option(
    "--idempotency-key",
    "key",
    help="Any text. The same command with the same key is done once, however often it runs.",
)
payload_option: Decorator = click.option("--payload", metavar="JSON", help="The engine's settings, an object.")
task_option: Decorator = click.option(
    "--task", "ordinal", type=int, help="Only this task, by its number in: enginehouse job get."
)
limit_option: Decorator = click.option(
    "--limit", type=int, default=20, show_default=True, help="The largest number to list."
)
_offset_option: Decorator = click.option(
    "--offset", type=int, default=0, show_default=True, help="Skip this many of the newest."
)
organization_option: Decorator = click.option(
    "--organization", metavar="ID", help="Another organization than the token's own."
)


created_after_option: Decorator = click.option(
    "--created-after",
    type=MOMENT,
    metavar="TIME",
    help='Created at this time or later, as in "yesterday", "2h ago", "2026-11-30 10:00" (local time).',
)
created_before_option: Decorator = click.option(
    "--created-before", type=MOMENT, metavar="TIME", help="Created at this time or earlier."
)


def page_options(command: Command) -> Command:
    """The command takes --limit and --offset."""
    return limit_option(_offset_option(command))


def read_json(text: str | bytes) -> Any:
    """Returns the value of JSON text with its numbers unchanged. Raises ValueError, also for NaN and infinity."""
    return json.loads(text, parse_float=exact_float, parse_constant=exact_float)


def json_object(flag: str, text: str | bytes) -> Json:
    """Returns the object in the text. Raises CommandError, which names the flag."""
    try:
        value = read_json(text)
    except ValueError as error:
        raise CommandError(f"{flag}: not JSON: {error}.", exit_code=2) from None
    if not isinstance(value, dict):
        raise CommandError(f"{flag}: a JSON object is needed.", exit_code=2)
    return value


def payloads_of_tasks(flag: str, values: Sequence[str]) -> dict[str, str]:
    """Returns the JSON text for each task, from TASK=JSON or TASK=@FILE. Raises CommandError with all that is wrong."""
    found, faults = dict[str, str](), list[str]()
    for value in values:
        task, equals, text = value.partition("=")
        if not (task and equals):
            faults.append(f"{flag}: TASK=JSON or TASK=@FILE is needed, got {value[:80]!r}.")
            continue
        if task in found:
            faults.append(f"{flag}: task {task} has a payload already.")
        try:
            found[task] = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
            read_json(found[task])
        except OSError as error:
            faults.append(f"{flag} {task}: {text[1:]} cannot be read: {error.strerror}.")
        except ValueError as error:
            faults.append(f"{flag} {task}: not JSON: {error}.")
    if faults:
        raise CommandError("\n".join(faults), exit_code=2)
    return found


def number_or_none(text: str) -> int | None:
    """Returns the limit in the text, None for `none`. Raises CommandError."""
    if text == "none":
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise CommandError(f'A limit is a number or "none", got "{text}".', exit_code=2)


def engine_id(client: Client, name: str) -> str:
    """Returns the id of the engine with this id, slug or part of a name. Raises CommandError, RequestFailed."""
    match engines.find(client, name):
        case [engine]:
            return str(engine["id"])
        case []:
            known = {
                word: engine["slug"] or engine["name"]
                for engine in engines.search(client)
                for word in (engine["slug"], engine["name"])
                if word
            }
            text = f'Engine "{name}" was not found.{did_you_mean(name, known)} See: enginehouse engine list'
            raise CommandError(text)
        case several:
            for engine in several:
                if engine["name"].casefold() == name.casefold():
                    return str(engine["id"])
            names = ", ".join(f"{engine['slug'] or engine['id']} ({engine['name']})" for engine in several[:4])
            more = " …" if len(several) > 4 else ""
            raise CommandError(f'"{name}" is a part of the names of {len(several)} engines. Give one: {names}{more}')


def ordinals(tasks: list[Json], ordinal: int | None) -> range:
    """Returns the ordinals of these tasks, or only the one that --task names. Raises CommandError."""
    if ordinal is None:
        return range(len(tasks))
    if not 0 <= ordinal < len(tasks):
        raise CommandError(f"--task: 0–{len(tasks) - 1}, got {ordinal}.", exit_code=2)
    return range(ordinal, ordinal + 1)
