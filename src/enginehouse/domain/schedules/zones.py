"""The IANA time zones, from the data that is installed with this server: the machine's own data may be older."""

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo


class ZoneAbbreviation(NamedTuple):
    """What a zone is called during a part of the year, for example CEST, and its offset then."""

    name: str
    utc_offset_minutes: int


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


@cache
def abbreviations(year: int) -> dict[str, tuple[ZoneAbbreviation, ...]]:
    """Returns the abbreviations of every zone in the year, in the order of their use. Costs about a second once."""
    moments = [datetime(year, month, 15, tzinfo=UTC) for month in range(1, 13)]
    return {name: _abbreviations(name, moments) for name in sorted(zone_names())}


def _abbreviations(name: str, moments: list[datetime]) -> tuple[ZoneAbbreviation, ...]:
    zone, found = zone_of(name), dict[ZoneAbbreviation, None]()
    for moment in moments:
        local = moment.astimezone(zone)
        offset = local.utcoffset()
        minutes = 0 if offset is None else round(offset.total_seconds() / 60)
        found[ZoneAbbreviation(local.tzname() or name, minutes)] = None
    return tuple(found)
