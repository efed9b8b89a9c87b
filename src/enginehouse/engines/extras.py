"""Whether the packages of an extra are installed: an entry point that names an extra counts only where they are.

whisper = "enginehouse_engines.whisper:engine [whisper]"
"""

import re
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution
from typing import Final

_NAME: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']\s*$""")


def is_whole(point: EntryPoint) -> bool:
    """Returns True if everything is installed that the package needs for the extras that the entry point names."""
    return all(map(_is_installed, _packages(point, {_plain(extra) for extra in point.extras})))


def has_extras(value: str) -> bool:
    """Returns True if the value of an entry point names an extra."""
    return "[" in value


def _packages(point: EntryPoint, extras: set[str]) -> set[str]:
    needed = set[str]()
    for line in (point.dist.requires if extras and point.dist else None) or ():
        requirement, _, marker = line.partition(";")
        extra, name = _EXTRA.search(marker), _NAME.match(requirement)
        if extra and name and _plain(extra[1]) in extras:
            needed.add(name[1])
    return needed


def _plain(extra: str) -> str:
    return re.sub("[-_.]+", "-", extra).lower()


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
