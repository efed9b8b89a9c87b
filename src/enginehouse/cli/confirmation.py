"""The question before something is done that cannot be undone."""

import sys
from typing import Final

import click

from enginehouse.cli import terminal
from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import Decorator

yes_option: Final[Decorator] = click.option("--yes", is_flag=True, help="Do not ask. A program needs it.")


def confirm(sentence: str, question: str, *, yes: bool) -> None:
    """A person has agreed, or --yes was given. Raises CommandError if not; then nothing may change.

    `sentence` says what would be done. Nobody is asked in a pipe: there --yes is needed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{sentence} Nothing was changed. Use --yes to do it without a question.")
    if not click.confirm(terminal.escape(f"{sentence} {question}"), err=True):
        raise CommandError("Nothing was changed.")
