"""What a starting and a stopping server says to the person who started it. Never a secret, only where one is."""

import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from enginehouse import __version__
from enginehouse.app import Running
from enginehouse.settings import Settings

READY = "ready"


def show(settings: Settings, running: Running, url: str, secrets: list[Path]) -> None:
    """The banner is on stderr; its last line begins with the word ready."""
    known = {engine.spec.id: engine.spec.kind.value for engine in running.house.catalogue.by_id.values()}
    kinds = Counter(known.values())
    lines = [
        f"Enginehouse {__version__}",
        f"  url       {url}",
        f"  database  {_database(settings)}",
        f"  engines   {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}",
        f"  data      {settings.data}",
        *(f"  {path.name.replace('-', ' '):<15} in {path}" for path in secrets),
        f"{READY}: {url}",
    ]
    print("\n".join(lines), file=sys.stderr, flush=True)


def say(word: str) -> None:
    """One word on how far the stop is."""
    print(f"enginehouse {word}", file=sys.stderr, flush=True)


def _database(settings: Settings) -> str:
    """Where the database is, without the password that its URL may hold."""
    if settings.database is None:
        return str(settings.data / "enginehouse.db")
    parts = urlsplit(settings.database)
    return f"postgresql://{parts.hostname or 'localhost'}{f':{parts.port}' if parts.port else ''}{parts.path}"
