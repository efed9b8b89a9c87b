"""Writes the parts of the documentation that the code already knows; `--check` only says whether they are up to date.

A page says where such a part goes: `<!-- generated: settings -->` … `<!-- end -->`.
"""

import argparse
import inspect
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

import click
from graphql import build_schema

from enginehouse.api.edge import routes, unserved
from enginehouse.api.http.interface import ForAnybody, ForCallers, ForWorkers
from enginehouse.api.http.paths import Place
from enginehouse.api.metrics import exposition
from enginehouse.api.metrics.numbers import NUMBERS
from enginehouse.api.v1 import routes as v1
from enginehouse.cli.main import enginehouse
from enginehouse.cli.run import run
from enginehouse.cli.serve import serve
from enginehouse.cli.settings_options import SettingOption
from enginehouse.cli.worker_run import run as worker_run
from enginehouse.domain import errors, store_errors
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.event import MEANING, EventKind
from enginehouse.domain.retry import FailureKind, blame
from enginehouse.domain.status import TASK, TASK_ENDED, TaskStatus
from enginehouse.domain.totals import MEASURES
from enginehouse.engine import ENTRY_POINT_GROUP
from enginehouse.engines.native import CATEGORIES, ENGINES

DOCS: Final = Path(__file__).parent
SCHEMA: Final = Path(routes.__file__).parent.parent / "graphql" / "schema.graphql"
_PART: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Every page holds what the code says now; with `--check` those that do not are named, and the answer is 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when a page is out of date")
    only_check = parser.parse_args().check
    stale = list(outdated())
    for page, text in stale:
        if only_check:
            sys.stderr.write(f"{page.relative_to(DOCS.parent)} is out of date: run docs/generate.py (make format)\n")
        else:
            page.write_text(text)
    return int(only_check and bool(stale))


def outdated() -> Iterator[tuple[Path, str]]:
    """The pages that are not as they should be, with the text that they should have."""
    for page in sorted(DOCS.rglob("*.md")):
        now = page.read_text()
        should = _PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", now)
        if now != should:
            yield page, should


def states() -> str:
    """The transition table of a task as a state diagram."""
    verbs: dict[tuple[TaskStatus, TaskStatus], list[str]] = defaultdict(list)
    for verb, move in TASK.items():
        for source in move.sources:
            verbs[source, move.target].append(verb)
    order = {status: place for place, status in enumerate(TaskStatus)}
    lines = ["stateDiagram-v2", "  [*] --> pending: create", "  [*] --> standby_pending: create"]
    for (source, target), names in sorted(verbs.items(), key=lambda edge: (order[edge[0][0]], order[edge[0][1]])):
        lines.append(f"  {source} --> {target}: {', '.join(names)}")
    lines += [f"  {status} --> [*]" for status in TaskStatus if status in TASK_ENDED]
    return "```mermaid\n" + "\n".join(lines) + "\n```"


def transitions() -> str:
    """The same table, to read."""
    return _table(
        ("Verb", "May start from", "Ends in"),
        (
            (f"`{verb}`", ", ".join(s for s in TaskStatus if s in move.sources), move.target)
            for verb, move in TASK.items()
        ),
    )


def happenings() -> str:
    """What a job's history tells."""
    return _table(("Kind", "What has happened"), ((f"`{kind}`", MEANING[kind]) for kind in EventKind))


def refusals() -> str:
    """Every expected failure and how each interface tells it."""
    known = [
        refusal
        for refusal in (vars(errors) | vars(store_errors)).values()
        if inspect.isclass(refusal) and issubclass(refusal, errors.Refusal) and refusal is not errors.Refusal
    ]
    return _table(
        ("Code", "GraphQL `name`", "REST status", "What it says"),
        ((f"`{r.code}`", f"`{r.graphql_name}`", r.rest_status, _first_line(r)) for r in known),
    )


def failures() -> str:
    """Why an attempt may fail, and which budget that is charged to."""
    charged = {
        "attempt": "tried again while `maxRetries` allows",
        "lost": "tried again, three times at most",
        "nobody": "tried again, charged to nobody",
        "final": "not tried again",
    }
    return _table(("Reason", "What follows"), ((f"`{kind}`", charged[blame(kind)]) for kind in FailureKind))


def options() -> str:
    """Every setting of a server: the flag, the variable, the key in the file, the default."""
    return _settings(serve)


def worker_options() -> str:
    """Every setting of a worker on another machine."""
    return _settings(worker_run)


def run_options() -> str:
    """Every setting of `enginehouse run`."""
    return _settings(run)


def _settings(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if isinstance(option, SettingOption):
            text, _, default = (option.help or "").partition("  [default: ")
            shown = default.rstrip("]") or ("" if option.is_flag or option.required else _shown(option.default))
            flag = "" if option.hidden else f"`{option.opts[0]}`"
            rows.append((flag, f"`{option.envvar}`", f"`{option.key}`", shown, text))
    return _table(("Flag", "Variable", "In the file", "Default", "What it is"), rows)


def numbers() -> str:
    """Every number of a server, with its labels."""
    rows: list[tuple[str, str, str]] = [
        (f"`{exposition.PREFIX}{number.name}`", ", ".join(f"`{label}`" for label in number.labels), number.text)
        for number in NUMBERS
    ]
    return _table(("Number", "Labels", "What it counts"), rows)


def totals() -> str:
    """Everything that a process counts for itself."""
    rows = [
        (
            f"`{exposition.PREFIX}{name}`",
            "histogram" if measure.bounds else "counter",
            ", ".join(f"`{label}`" for label in measure.labels),
            measure.text,
        )
        for name, measure in MEASURES.items()
    ]
    return _table(("Number", "Kind", "Labels", "What it counts"), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    context = click.Context(enginehouse, info_name="enginehouse")
    return "\n\n".join(section for _, section in walk(enginehouse, context))


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """The full name and the section of the command, and of all below it."""
    yield context.command_path, _command(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from walk(below, click.Context(below, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> str:
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## {context.command_path}", inspect.cleandoc(command.help or "").replace("\b\n", "")]
    if not isinstance(command, click.Group):
        parts.insert(1, f"`{context.command_path} {usage}`")
    rows = []
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden:
            continue
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        default = "" if option.is_flag or option.required else _shown(option.default)
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
        rows.append((names, option.help or "", default, "".join(f"`{name}`" for name in variables[:1])))
    if rows:
        parts.append(_table(("Option", "What it does", "Default", "Variable"), rows))
    return "\n\n".join(part for part in parts if part)


def served() -> str:
    """The operations of the public REST interface that this server serves."""
    rows = [(method, path, "token", handler) for method, path, handler in routes._SERVED]
    rows += [(method, path, "token for workers", handler) for method, path, handler in routes._FOR_WORKERS]
    rows += [(method, path, "open", handler) for method, path, handler in routes._OPEN]
    return _table(
        ("Operation", "Asks for", "Remarks"),
        (
            (f"`{method} {routes.BASE}{path}`", asks, _said(handler))
            for method, path, asks, handler in sorted(rows, key=lambda row: (row[1], row[0]))
        ),
    )


def refused() -> str:
    """The documented operations that are answered with 501."""
    return "\n".join(f"- `{method} {routes.BASE}{path}`" for method, path, _ in unserved.operations())


def own() -> str:
    """Our own operations for administrators."""
    paths = v1.operations()
    rows = [(f"`{method} {v1.BASE}{path}`", _said(handler)) for method, path, handler in _below(paths._root)]
    return _table(("Operation", "Remarks"), rows)


def _below(place: "Place[ForCallers | ForWorkers | ForAnybody]", path: str = "") -> Iterator[tuple[str, str, object]]:
    for method, operation in place.methods.items():
        yield method, _with_names(path, operation.handler), operation.handler
    for name, following in place.named.items():
        yield from _below(following, f"{path}/{name}")
    if place.variable is not None:
        yield from _below(place.variable, f"{path}/{{}}")


def _with_names(path: str, handler: object) -> str:
    """The path with the names of its variable parts, which are in the first line of what serves it."""
    names = re.findall(r"\{\w+\}", _first_line(handler))
    return re.sub(r"\{\}", lambda _: names.pop(0), path)


def roots() -> str:
    """The root fields of the GraphQL interface."""
    schema = build_schema(SCHEMA.read_text())
    parts = []
    for root in filter(None, (schema.query_type, schema.mutation_type)):
        rows = (
            (f"`{name}`", ", ".join(f"`{argument}`" for argument in field.args), f"`{field.type}`")
            for name, field in root.fields.items()
        )
        parts.append(_table((root.name, "Arguments", "Answers"), rows))
    return "\n\n".join(parts)


def engines() -> str:
    """Every engine that comes with the server."""
    specs: list[EngineSpec] = [engine.spec for engine in ENGINES]
    ours = _entry_points()
    specs += sorted(
        (_declared(point) for point in entry_points(group=ENTRY_POINT_GROUP) if point.name in ours),
        key=lambda spec: spec.slug or "",
    )
    names = {category.id: category.name for category in CATEGORIES}
    return _table(
        ("Slug", "Engine", "Id", "Category", "Mode", "Runs", "Reads"),
        (
            (
                f"`{spec.slug}`", spec.name, " ".join(f"`{i}`" for i in (spec.id, *spec.aliases)),
                names.get(spec.category_id, ""), spec.mode, spec.kind, ", ".join(spec.inputs),
            )
            for spec in specs
        ),
    )  # fmt: skip


def _declared(point: EntryPoint) -> EngineSpec:
    """The spec of an engine, also of one that has it only where there is a model."""
    spec: EngineSpec = getattr(import_module(point.module), "SPEC", None) or point.load().spec
    return spec


def quality() -> str:
    """What `make quality` has measured."""
    measured = json.loads((DOCS / "reference" / "quality.json").read_text())
    table = _table(
        ("Engine", "Measured on", "Measure", "Result", "Time"),
        (
            (f"`{one['engine']}`", one["samples"], one["measure"], one["value"], one["speed"])
            for one in measured["rows"]
        ),
    )
    return f"{table}\n\nMeasured on {measured['day']} by `make quality`: {measured['machine']}."


def word_count() -> str:
    """The example of an engine."""
    return f"```python\n{(DOCS / 'how-to/example-engine/word_count.py').read_text()}```"


def _entry_points() -> set[str]:
    text = (DOCS.parent / "pyproject.toml").read_text()
    section = text.partition('[project.entry-points."enginehouse.engines"]')[2].partition("\n[")[0]
    return {line.split("=")[0].strip() for line in section.splitlines() if "=" in line}


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _said(handler: object) -> str:
    """A handler's first line, without the operation that stands before it and what is said to its callers in code."""
    said = re.sub(r" Raises .*| \([a-z]+-contract [^)]*\)", "", _first_line(handler).partition(": ")[2])
    return said[:1].upper() + said[1:]


def _shown(default: object) -> str:
    if default is None or isinstance(default, click.core.Context) or "UNSET" in repr(default):
        return ""
    return f"`{default}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


PARTS: Final[dict[str, Callable[[], str]]] = {
    part.__name__: part
    for part in (
        states, transitions, happenings, refusals, failures, options, worker_options, run_options, numbers, totals,
        commands, served, refused, own, roots, engines, quality, word_count,
    )
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
