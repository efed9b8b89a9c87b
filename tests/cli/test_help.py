"""`--help` of the whole program imports only what it needs."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from enginehouse.cli import human_time
from enginehouse.cli.main import enginehouse

_HEAVY = ("uvicorn", "starlette", "ariadne", "graphql", "asyncpg", "rich", "httpx", "msgspec", "asyncio")
_ASK = (
    "import sys\n"
    "from enginehouse.cli.main import enginehouse\n"
    "try:\n    enginehouse.main(['--help'], prog_name='enginehouse')\n"
    "except SystemExit:\n    pass\n"
    f"print([name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
)


def test_help_imports_none_of_the_heavy_packages() -> None:
    asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
    assert asked.stderr.strip() == "[]"
    assert "doctor" in asked.stdout


def test_every_command_is_where_the_table_says() -> None:
    runner = CliRunner()
    for name in enginehouse.list_commands(click.Context(enginehouse)):
        shown = runner.invoke(enginehouse, [name, "--help"])
        assert shown.exit_code == 0, shown.output


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, f"{name} {below}")
    else:
        yield name, command


COMMANDS = dict(commands(enginehouse, "enginehouse"))


def test_every_command_takes_json() -> None:
    without = {name for name, one in COMMANDS.items() if "--json" not in {opt for p in one.params for opt in p.opts}}
    assert without == {"enginehouse serve"}  # it runs until it is stopped


@pytest.mark.parametrize(("metavar", "type_"), [("TIME", human_time.MOMENT), ("LENGTH", human_time.LENGTH)])
def test_every_option_that_takes_a_time_reads_it_as_people_write_it(metavar: str, type_: click.ParamType[Any]) -> None:
    takers = [
        (name, option) for name, one in COMMANDS.items() for option in one.params if option.metavar == metavar
    ]  # fmt: skip
    wrong = [(name, option.name) for name, option in takers if option.type is not type_]
    # A schedule has a time zone of its own, in which its options are read.
    assert [(name, option) for name, option in wrong if not name.startswith("enginehouse schedule ")] == []
    assert len(takers) > len(wrong)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["jbo"], "Did you mean 'job'?"),
        (["job", "lsit"], "Did you mean 'list'?"),
        (["job", "list", "--limt", "1"], "Did you mean '--limit'?"),
        (["nonsense"], "No such command 'nonsense'."),
    ],
)
def test_a_mistyped_command_or_option_is_misuse_and_says_what_was_meant(words: list[str], near: str) -> None:
    shown = CliRunner().invoke(enginehouse, words)
    assert shown.exit_code == 2
    assert near in shown.output
