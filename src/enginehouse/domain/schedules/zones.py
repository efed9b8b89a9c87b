"""The IANA time zones, from the data that is installed with this server: the machine's own data may be older."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


class UnknownZone(LookupError):
    """No IANA zone has this name. The message names the nearest one."""

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, zone_names(), n=1, cutoff=0.8)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        super().__init__(f'"{name[:100]}" is not an IANA zone.{hint}')


@cache
def zone_names() -> frozenset[str]:
    """Every name of every zone, including old spellings."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


def zone_of(name: str) -> ZoneInfo:
    """Returns the zone with this name. Raises UnknownZone."""
    if name not in zone_names():
        raise UnknownZone(name)
    return _load(name)


@cache
def _load(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
