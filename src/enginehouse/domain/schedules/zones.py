"""The IANA time zones, from the data this server is installed with: the machine's own may be of another year."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


class UnknownZone(LookupError):
    """The name is of no IANA zone; the message names the nearest one."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, zone_names(), n=1, cutoff=0.8)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        super().__init__(f'"{name[:100]}" is not an IANA zone.{hint}')


@cache
def zone_names() -> frozenset[str]:
    """Every name a zone has, old spellings included."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


def zone_of(name: str) -> ZoneInfo:
    """The zone with this name. Raises UnknownZone."""
    if name not in zone_names():
        raise UnknownZone(name)
    return _load(name)


@cache
def _load(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
