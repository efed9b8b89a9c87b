"""`--help` of the whole program imports only what it needs."""

import subprocess
import sys

import click
from click.testing import CliRunner

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


def test_every_command_of_a_group_takes_json() -> None:
    runner = CliRunner()
    groups = {
        "job": ("create", "get", "list", "watch", "events", "cancel", "retry", "results", "logs"),
        "schedule": ("create", "update", "list", "show", "preview", "explain", "pause", "resume", "run", "cancel",
                     "delete", "history"),
        "organization": ("create", "list"),
        "user": ("create", "password"),
        "token": ("create", "list", "revoke"),
        "engine": ("list",),
        "audit": ("list", "verify"),
    }  # fmt: skip
    for group, commands in groups.items():
        for command in commands:
            assert "--json" in runner.invoke(enginehouse, [group, command, "--help"]).output


def test_an_unknown_command_is_misuse() -> None:
    assert CliRunner().invoke(enginehouse, ["nonsense"]).exit_code == 2
