"""The command `enginehouse`: which commands there are, and how a failure of any of them is told."""

import os
import sys

import click

from enginehouse import __version__
from enginehouse.cli.lazy import LazyGroup, Named
from enginehouse.cli.problem import FailureError

_COMMANDS = {
    "serve": Named("enginehouse.cli.serve:serve", "Start a server and keep it up until it is stopped."),
    "run": Named("enginehouse.cli.run:run", "Run a job on a file, a URL or the sample, on a server of its own."),
    "job": Named("enginehouse.cli.job:job", "Create, watch, cancel and retry jobs; fetch their results."),
    "schedule": Named("enginehouse.cli.schedule:schedule", "Run jobs at set times: create, foresee, pause, look back."),
    "engine": Named("enginehouse.cli.engine:engine", "See which engines there are."),
    "organization": Named("enginehouse.cli.organization:organization", "Create and list organizations."),
    "user": Named("enginehouse.cli.user:user", "Create users and set their passwords."),
    "token": Named("enginehouse.cli.token:token", "Create, list and revoke tokens."),
    "worker": Named("enginehouse.cli.worker:worker", "See who runs work."),
    "audit": Named("enginehouse.cli.audit:audit", "See who did what, and whether that record is as it was written."),
    "doctor": Named("enginehouse.cli.doctor:doctor", "Check the storage, the engines, the disk and the clock."),
}

_HELP = """The server for AI jobs, and the commands to use it.

    A command finds its server by --url and --token, by ENGINEHOUSE_URL and ENGINEHOUSE_TOKEN, or, on the server's own
    machine, by --data (ENGINEHOUSE_DATA).
    """


@click.group(cls=LazyGroup, named=_COMMANDS, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="enginehouse")
def enginehouse() -> None:
    pass


def main() -> None:
    """The command has run. Exit code 0: it did what was asked; 1: it could not, and said why; 2: it was misused."""
    try:
        code = enginehouse.main(prog_name="enginehouse", standalone_mode=False)
    except FailureError as failure:
        _say(failure.message)
        code = failure.exit_code
    except click.ClickException as misuse:
        misuse.show()
        code = misuse.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("stopped.")
        code = 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str) -> None:
    click.echo(f"enginehouse: {message}", err=True)
