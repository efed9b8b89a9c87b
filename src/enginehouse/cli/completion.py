"""`enginehouse completion …`: the script with which a shell completes commands, options, ids and slugs."""

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from enginehouse.cli import output, terminal

_PROGRAM: Final = "enginehouse"
_VARIABLE: Final = "_ENGINEHOUSE_COMPLETE"
_SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(tuple(_SHELLS)))
@output.json_option
def completion(shell: str, *, as_json: bool) -> None:
    """Print the script with which a shell completes commands, options, ids and slugs.

    \b
    bash  in ~/.bashrc:  eval "$(enginehouse completion bash)"
    zsh   in ~/.zshrc:   eval "$(enginehouse completion zsh)", after compinit
    fish  once:          enginehouse completion fish > ~/.config/fish/completions/enginehouse.fish

    Ids and slugs come from the server that the command would call, if it answers within a second.
    """  # noqa: D301 - \b keeps the lines as they are
    script = source(shell)
    if as_json:
        output.show_json({"shell": shell, "script": script})
    else:
        terminal.echo_raw(script)


def source(shell: str) -> str:
    """Returns the script for this shell."""
    complete = _SHELLS[shell](click.Command(_PROGRAM), {}, _PROGRAM, _VARIABLE)
    # What the class of bash does besides is to look whether another program, the first bash of the path, is new enough.
    return ShellComplete.source(complete)
