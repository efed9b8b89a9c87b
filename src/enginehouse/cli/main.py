"""The command `enginehouse`: its commands, and its exit code when one of them fails."""

import contextlib
import errno
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from enginehouse import __version__
from enginehouse.cli import terminal
from enginehouse.cli.errors import CommandError


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """The place of a command (`package.module:attribute`), and its line in `--help`."""

    place: str
    summary: str


class LazyGroup(click.Group):
    """Imports a command only when it is called, so that `--help` is quick."""

    def __init__(self, *args: Any, lazy: dict[str, LazyCommand], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        module, _, attribute = lazy.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the command that the first word names. Raises NoSuchCommand with those that look like it."""
        if not ctx.resilient_parsing and args[0] not in self._lazy and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self._lazy, ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Returns the commands that begin so. None of them is imported."""
        return [
            CompletionItem(name, help=lazy.summary) for name, lazy in self._lazy.items() if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self._lazy.items()])


_UNWRITABLE: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})

_COMMANDS = {
    "serve": LazyCommand("enginehouse.cli.serve:serve", "Start a server, which runs until it is stopped."),
    "run": LazyCommand("enginehouse.cli.run:run", "Run a pipeline on a file, a URL or the sample."),
    "job": LazyCommand("enginehouse.cli.job:job", "Create, watch, cancel and retry jobs; fetch their results."),
    "logs": LazyCommand("enginehouse.cli.job_results:logs", "Show what the engines of a job have printed; follow it."),
    "target": LazyCommand("enginehouse.cli.target:target", "List, show and delete targets: what jobs work on."),
    "asset": LazyCommand("enginehouse.cli.asset:asset", "Upload files as assets of targets; fetch and delete assets."),
    "template": LazyCommand("enginehouse.cli.template:template", "Make, show, launch and delete job templates."),
    "pipeline": LazyCommand(
        "enginehouse.cli.pipeline:pipeline", "List pipelines, jobs with names; add and remove one."
    ),
    "push": LazyCommand("enginehouse.cli.push:push", "Push a file to the jobs that wait at an endpoint."),
    "export": LazyCommand("enginehouse.cli.export:export", "Export results and media of targets as a zip."),
    "schedule": LazyCommand("enginehouse.cli.schedule:schedule", "Create, preview, pause and launch schedules."),
    "engine": LazyCommand("enginehouse.cli.engine:engine", "List engines; limit and pause them."),
    "overview": LazyCommand("enginehouse.cli.overview:overview", "Show what the organization has now, and over time."),
    "organization": LazyCommand(
        "enginehouse.cli.organization:organization", "Create and list organizations; share the server between them."
    ),
    "context": LazyCommand("enginehouse.cli.context:context", "Keep servers and their tokens under names."),
    "user": LazyCommand("enginehouse.cli.user:user", "Create, list and delete users; set passwords."),
    "token": LazyCommand("enginehouse.cli.token:token", "Create, list and revoke tokens."),
    "worker": LazyCommand("enginehouse.cli.worker:worker", "List workers; run one on this machine."),
    "webhook": LazyCommand("enginehouse.cli.webhook:webhook", "List, show and repeat the deliveries of webhooks."),
    "audit": LazyCommand("enginehouse.cli.audit:audit", "Read who did what, and check that nobody changed the record."),
    "artifacts": LazyCommand("enginehouse.cli.artifacts:artifacts", "Copy the bytes to another store, and use it."),
    "backup": LazyCommand("enginehouse.cli.backup:backup", "Write the database and its bytes to one file."),
    "restore": LazyCommand("enginehouse.cli.restore:restore", "Make a server from a backup."),
    "completion": LazyCommand(
        "enginehouse.cli.completion:completion", "Print the script with which a shell completes commands and ids."
    ),
    "clock": LazyCommand("enginehouse.cli.clock:clock", "Reset a storage clock that was ahead."),
    "doctor": LazyCommand("enginehouse.cli.doctor:doctor", "Check the storage, the engines, the disk and the clock."),
}

_HELP = """The server for AI jobs, and the commands to use it.

    A command finds its server by --server and --token, or on the server's own machine by --data; else by the variables
    ENGINEHOUSE_SERVER, ENGINEHOUSE_TOKEN and ENGINEHOUSE_DATA; else by a context; else it is http://localhost:9000.
    """


@click.group(cls=LazyGroup, lazy=_COMMANDS, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="enginehouse")
def enginehouse() -> None:
    pass


def main() -> None:
    """The command has run. The exit code is 0 if it did its work, 1 if it could not, 2 if it was misused."""
    _open_closed_streams()
    _leave_own_folder()
    try:
        code = enginehouse.main(prog_name="enginehouse", standalone_mode=False)
        sys.stdout.flush()
    except CommandError as error:
        _report(error.message)
        code = error.exit_code
    except click.ClickException as misuse:
        misuse.show()
        code = misuse.exit_code
    except (click.Abort, KeyboardInterrupt):
        _report("stopped.")
        code = 130
    except OSError as error:
        code = _end_of_output(error)
    sys.exit(code if isinstance(code, int) else 0)


def _leave_own_folder() -> None:
    """Nothing is imported from the working folder, or from the one of the program: engines would find it there too."""
    # Python has put it first. A program may also be one file with all packages in it.
    if not sys.flags.safe_path and sys.path and Path(sys.path[0]) != Path(__file__).parents[2]:
        del sys.path[0]


def _open_closed_streams() -> None:
    """Both streams are open. One that was closed (`>&-`) leads nowhere; else the next file would get its number."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _end_of_output(error: OSError) -> int:
    """Why a file or stdout cannot be written is a sentence on stderr. Returns the exit code. Raises other errors."""
    if error.filename is None and error.errno not in _UNWRITABLE:
        raise error
    # Without this, Python would complain again when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):  # nobody reads on, as after `| head`: that is no fault
        with contextlib.suppress(OSError):
            place = "The output cannot be written" if error.filename is None else error.filename
            _report(f"{place}: {error.strerror}.")
    return 1


def _report(message: str) -> None:
    terminal.echo(f"enginehouse: {message}", err=True)
