"""What a server prints when it is ready. It names the files of secrets, but shows no secret."""

from pathlib import Path

import msgspec

from enginehouse import __version__
from enginehouse.cli import terminal
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.settings import Settings


class StartReport(msgspec.Struct, frozen=True):
    """What a server has found at its start: its engines of each kind, what is wrong with others, and its new files."""

    engines: dict[str, int]
    sandbox: SandboxLevel
    problems: list[str] = []
    secrets: list[str] = []


def show(settings: Settings, config: Path | None, report: StartReport) -> None:
    """The banner is on stderr. `config` is the file of the settings."""
    url = settings.local_url
    shared = "" if settings.processes == 1 else f", shared by {settings.processes} processes"
    say("\n".join([
        f"Enginehouse {__version__}",
        f"  url       {url}{shared}",
        f"  database  {settings.database_place or settings.data / 'enginehouse.db'}",
        f"  engines   {', '.join(f'{count} {kind}' for kind, count in sorted(report.engines.items()))}",
        f"  data      {settings.data}",
        *([f"  settings  {config}"] if config is not None else []),
        *_sandbox(report.sandbox),
        *(f"  not used  {problem}" for problem in report.problems),
        *(f"  {Path(file).name.replace('-', ' '):<15} in {file}" for file in report.secrets),
        f"ready: {url}",
    ]))  # fmt: skip


def say(text: str) -> None:
    """The lines are on stderr at once."""
    terminal.echo(text, err=True)


def _sandbox(level: SandboxLevel) -> list[str]:
    if level is not SandboxLevel.NONE:
        return [f"  sandbox   {level}"]
    warning = "NONE. ENGINES CAN READ AND CHANGE EVERYTHING THAT THE SERVER CAN, ALSO ITS SECRETS AND ITS DATABASE."
    advice = "Install bubblewrap and use --engine-sandbox auto, or run only engines that you trust."
    return [f"  sandbox   {warning} {advice}"]
