"""How a job and its tasks are named: one 63-bit integer, and the spellings that are pure functions of it.

A job id is, from its highest bit: the day since 1970-01-01 (16 bits), the microsecond of that day (37), a counter (10).
Two jobs of one microsecond differ in the counter; a taken id is followed by `id + 1`, whatever that carries into. Ids
sort by time. Both public spellings hold the same bits behind a bijective mix, so that neighbours do not look alike,
and carry check bits, so that a mistyped id names nothing.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Final

_FIRST: Final = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835
_SECOND: Final = 0xC2B2_AE3D_27D4_EB4F_1656_67B1_9E37_79F9
_FOLD: Final = 0xFF51_AFD7_ED55_8CCD_C4CE_B9FE_1A85_EC53
_WORD: Final = (1 << 64) - 1


class Mix:
    """A bijection of the integers of `bits` bits, and its inverse."""

    __slots__ = ("_back_first", "_back_second", "_first", "_half", "_second", "mask")

    def __init__(self, bits: int) -> None:
        self.mask = (1 << bits) - 1
        self._half = (bits + 1) // 2
        self._first = _FIRST & self.mask | 1
        self._second = _SECOND & self.mask | 1
        self._back_first = pow(self._first, -1, 1 << bits)
        self._back_second = pow(self._second, -1, 1 << bits)

    def apply(self, value: int) -> int:
        value = value * self._first & self.mask
        value ^= value >> self._half
        value = value * self._second & self.mask
        return value ^ value >> self._half

    def undo(self, value: int) -> int:
        # A shift by at least half the width is its own inverse.
        value ^= value >> self._half
        value = value * self._back_second & self.mask
        value ^= value >> self._half
        return value * self._back_first & self.mask


def check(value: int, bits: int) -> int:
    """`bits` (up to 32) that depend on every bit of `value` (up to 128)."""
    folded = (value ^ value >> 61) * _FOLD
    folded ^= folded >> 64
    return (folded * _FIRST & _WORD) >> 64 - bits


DAY_MICROS: Final = 86_400_000_000
MAX_ORDINAL: Final = (1 << 14) - 1
MAX_FOLDER: Final = (1 << 11) - 1

_COUNTER_BITS: Final = 10
_MICRO_BITS: Final = 37
_LOW_BITS: Final = _MICRO_BITS + _COUNTER_BITS
_LOW: Final = (1 << _LOW_BITS) - 1
_MICRO_MASK: Final = (1 << _MICRO_BITS) - 1
_MAX_DAY: Final = (1 << 16) - 1
_EPOCH: Final = date(1970, 1, 1)

# GraphQL: 47 id bits and 12 check bits fit ten characters; a task adds 14 ordinal bits and 15 check bits in five.
_JOB_CHECK: Final = 12
_TASK_CHECK: Final = 15
_JOB_MIX: Final = Mix(_LOW_BITS + _JOB_CHECK)
_TASK_MIX: Final = Mix(14 + _TASK_CHECK)
_TASK_MASK: Final = (1 << (14 + _TASK_CHECK)) - 1

# UUID version 8 leaves 122 bits: a tag (4), a body (88), a check (30).
_UUID_CHECK: Final = 30
_UUID_BODY: Final = 88
_UUID_MIX: Final = Mix(122)
_VARIANT_BITS: Final = 62
_CUSTOM_B: Final = 12

_UUID: Final = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_PAIR_VALUES: Final = {pair: value for value, pair in enumerate(_PAIRS)}
_CHARACTER_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_BASE: Final = 62 * 62


class Tag(IntEnum):
    """What a UUID of ours names. The numbers are part of every UUID ever given out."""

    JOB = 1
    TASK = 2
    FOLDER = 3
    ORGANIZATION = 4
    SCHEDULED_JOB = 5
    PIPELINE = 6
    SCHEDULE_PART = 7


# -- the integer --------------------------------------------------------------------------------------------


def first_job_id(now_micros: int) -> int:
    """The smallest job id of this microsecond (µs since 1970, UTC). Raises ValueError outside 1970–2149."""
    day, micros = divmod(now_micros, DAY_MICROS)
    if not 0 <= day <= _MAX_DAY:
        raise ValueError(f"a job id holds times from 1970 to 2149, got {now_micros} µs")
    return day << _LOW_BITS | micros << _COUNTER_BITS


def micros_of(job_id: int) -> int:
    """The microsecond (since 1970, UTC) in which the id was made."""
    return (job_id >> _LOW_BITS) * DAY_MICROS + (job_id >> _COUNTER_BITS & _MICRO_MASK)


# -- the GraphQL spelling -----------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)  # lists spell the same jobs and tasks again at every poll
def job_graphql(job_id: int) -> str:
    """`YYMMWWDD_` and ten characters: `23041407_RORjiJw7te` (graphql-contract §1.9)."""
    mixed = _JOB_MIX.apply((job_id & _LOW) << _JOB_CHECK | check(job_id, _JOB_CHECK))
    return _prefix(job_id >> _LOW_BITS) + _ten(mixed)


@lru_cache(maxsize=32_768)
def task_graphql(job_id: int, ordinal: int) -> str:
    """The job's spelling and five characters."""
    value = ordinal << _TASK_CHECK | check(job_id << 14 | ordinal, _TASK_CHECK)
    mixed = _TASK_MIX.apply(value ^ check(job_id, 29))
    rest, low = divmod(mixed, _BASE)
    first, middle = divmod(rest, _BASE)
    return job_graphql(job_id) + _ALPHABET[first] + _PAIRS[middle] + _PAIRS[low]


def asset_id(target_id: int, random_bits: int) -> str:
    """`<target>_` and ten characters made of the given random bits (59 of them are used)."""
    return f"{target_id}_{_ten(random_bits & _JOB_MIX.mask)}"


# -- the UUID spelling --------------------------------------------------------------------------------------


def job_uuid(job_id: int) -> str:
    """The REST spelling of a job id."""
    return tagged_uuid(Tag.JOB, job_id)


def task_uuid(job_id: int, ordinal: int) -> str:
    """The REST spelling of a task."""
    return tagged_uuid(Tag.TASK, job_id << 14 | ordinal)


def folder_uuid(job_id: int, ordinal: int, position: int) -> str:
    """The REST `id` of a folder: its task and its position there."""
    return tagged_uuid(Tag.FOLDER, (job_id << 14 | ordinal) << 11 | position)


def organization_uuid(organization_id: int) -> str:
    """The organization's id where REST wants a UUID."""
    return tagged_uuid(Tag.ORGANIZATION, organization_id)


def pipeline_uuid(pipeline_id: int) -> str:
    """How a job pipeline is named on both interfaces."""
    return tagged_uuid(Tag.PIPELINE, pipeline_id)


def tagged_uuid(tag: Tag, number: int) -> str:
    """A version 8 UUID that holds `number` (up to 88 bits), what it names, and a check. Lower case, canonical."""
    tagged = tag << _UUID_BODY | number
    bits = _UUID_MIX.apply(tagged << _UUID_CHECK | check(tagged, _UUID_CHECK))
    text = "%032x" % (
        (bits >> 74) << 80 | 0x8 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | (bits & 0x3FFF_FFFF_FFFF_FFFF)
    )
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_tagged(tag: Tag, text: str) -> int | None:
    """The number in a UUID made by `tagged_uuid` with this tag; None for every other text."""
    if len(text) != 36 or not text[8] == text[13] == text[18] == text[23] == "-":
        return None
    try:
        raw = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    if len(raw) != 16:  # fromhex passes over white space
        return None
    value = int.from_bytes(raw, "big")
    if value >> 76 & 0xF != 0x8 or value >> 62 & 0b11 != 0b10:
        return None
    bits = (value >> 80) << 74 | (value >> 64 & 0xFFF) << 62 | value & 0x3FFF_FFFF_FFFF_FFFF
    checked = _UUID_MIX.undo(bits)
    tagged = checked >> _UUID_CHECK
    if tagged >> _UUID_BODY != tag or check(tagged, _UUID_CHECK) != checked & 0x3FFF_FFFF:
        return None
    return tagged & (1 << _UUID_BODY) - 1


# -- reading ------------------------------------------------------------------------------------------------


def parse_number(text: str) -> int | None:
    """The id that is written in decimal digits, None for every other text."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    number = int(text)
    return number if number < 1 << 63 else None


def parse_uuid(text: str) -> str | None:
    """The UUID as it is stored, in lower case; None for every other text."""
    return text.lower() if _UUID.fullmatch(text) else None


def parse_job(text: str) -> int | None:
    """The job id in either spelling, None when it is no job's: such an id is simply not found."""
    if len(text) == 19:
        return _parse_job_graphql(text)
    job_id = parse_tagged(Tag.JOB, text)
    return job_id if job_id is not None and job_id < 1 << 63 else None


def schedule_uuid(schedule_id: int) -> str:
    """How REST names a scheduled job beside its number."""
    return tagged_uuid(Tag.SCHEDULED_JOB, schedule_id)


def schedule_part_uuid(schedule_id: int, number: int) -> str:
    """How REST names one part of a scheduled job's calendar."""
    return tagged_uuid(Tag.SCHEDULE_PART, schedule_id << 11 | number)


def parse_schedule(text: str) -> int | None:
    """The scheduled job's id in either spelling, digits or a UUID; None when it is no scheduled job's."""
    schedule_id = parse_number(text)
    if schedule_id is None:
        schedule_id = parse_tagged(Tag.SCHEDULED_JOB, text)
    return schedule_id if schedule_id is not None and 0 < schedule_id < 1 << 63 else None


def parse_task(text: str) -> tuple[int, int] | None:
    """The (job id, ordinal) in either spelling, None when it is no task's."""
    if len(text) == 24:
        return _parse_task_graphql(text)
    number = parse_tagged(Tag.TASK, text)
    return (number >> 14, number & MAX_ORDINAL) if number is not None and number < 1 << 77 else None


def parse_folder(text: str) -> tuple[int, int, int] | None:
    """The (job id, ordinal, position) of a folder's UUID, None when it is no folder's."""
    number = parse_tagged(Tag.FOLDER, text)
    return (number >> 25, number >> 11 & MAX_ORDINAL, number & MAX_FOLDER) if number is not None else None


def parse_pipeline(text: str) -> int | None:
    """The id of a job pipeline, None when it is no pipeline's."""
    pipeline_id = parse_tagged(Tag.PIPELINE, text)
    return pipeline_id if pipeline_id is not None and pipeline_id < 1 << 63 else None


def _parse_job_graphql(text: str) -> int | None:
    try:
        value = (
            ((_PAIR_VALUES[text[9:11]] * _BASE + _PAIR_VALUES[text[11:13]]) * _BASE + _PAIR_VALUES[text[13:15]]) * _BASE
            + _PAIR_VALUES[text[15:17]]
        ) * _BASE + _PAIR_VALUES[text[17:]]
    except KeyError:
        return None
    if value > _JOB_MIX.mask:
        return None
    checked = _JOB_MIX.undo(value)
    low, given = checked >> _JOB_CHECK, checked & (1 << _JOB_CHECK) - 1
    for day in _days(text[:9]):
        job_id = day << _LOW_BITS | low
        if check(job_id, _JOB_CHECK) == given:
            return job_id
    return None


def _parse_task_graphql(text: str) -> tuple[int, int] | None:
    job_id = _parse_job_graphql(text[:19])
    if job_id is None:
        return None
    try:
        value = (_CHARACTER_VALUES[text[19]] * _BASE + _PAIR_VALUES[text[20:22]]) * _BASE + _PAIR_VALUES[text[22:]]
    except KeyError:
        return None
    if value > _TASK_MASK:
        return None
    checked = _TASK_MIX.undo(value) ^ check(job_id, 29)
    ordinal = checked >> _TASK_CHECK
    if check(job_id << 14 | ordinal, _TASK_CHECK) != checked & (1 << _TASK_CHECK) - 1:
        return None
    return job_id, ordinal


def _ten(value: int) -> str:
    value, e = divmod(value, _BASE)
    value, d = divmod(value, _BASE)
    value, c = divmod(value, _BASE)
    a, b = divmod(value, _BASE)
    return f"{_PAIRS[a]}{_PAIRS[b]}{_PAIRS[c]}{_PAIRS[d]}{_PAIRS[e]}"


@lru_cache(maxsize=4096)
def _prefix(day: int) -> str:
    moment = _EPOCH + timedelta(days=day)
    return f"{moment:%y%m}{moment.isocalendar().week:02}{moment:%d}_"


@lru_cache(maxsize=4096)
def _days(prefix: str) -> tuple[int, ...]:
    """The days spelled by this prefix. A two-digit year means one or two of them; the check tells which."""
    digits = prefix[:8]
    if not (digits.isascii() and digits.isdigit()):
        return ()
    candidates = _candidates(int(digits[:2]), int(digits[2:4]), int(digits[6:]))
    return tuple(day for day in candidates if _prefix(day) == prefix)


def _candidates(year: int, month: int, day_of_month: int) -> Iterator[int]:
    for full_year in (1900 + year, 2000 + year, 2100 + year):
        try:
            day = (date(full_year, month, day_of_month) - _EPOCH).days
        except ValueError:
            continue
        if 0 <= day <= _MAX_DAY:
            yield day
