"""The ids of jobs and tasks: one 63-bit integer, and the spellings that are pure functions of it.

A job id is, from its highest bit: the day since 1970-01-01 (16 bits), the microsecond of that day (37), a counter (10).
Two jobs of one microsecond differ in the counter; if an id is taken, the next is `id + 1`, which may carry into the
microsecond. Ids sort by time. Both public spellings hold the same bits. A bijective mix makes neighbours look
different, and check bits make a mistyped id invalid.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final

from enginehouse.domain import day_prefixes

# The forms of ids, in words.
JOB_FORM: Final = 'a UUID, or 8 digits, "_" and 10 letters or digits'
TASK_FORM: Final = 'a UUID, or 8 digits, "_" and 15 letters or digits'
NUMBER_OR_UUID_FORM: Final = "a number or a UUID"
NUMBER_FORM: Final = "a number"
UUID_FORM: Final = "a UUID"
ASSET_FORM: Final = 'a number, "_" and 10 letters or digits'

_FIRST: Final = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835
_SECOND: Final = 0xC2B2_AE3D_27D4_EB4F_1656_67B1_9E37_79F9
_FOLD: Final = 0xFF51_AFD7_ED55_8CCD_C4CE_B9FE_1A85_EC53
_WORD: Final = (1 << 64) - 1


class Mix:
    """A bijection on the integers of `bits` bits, and its inverse."""

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
    """Returns `bits` check bits (up to 32) that depend on every bit of `value` (up to 128 bits)."""
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
    """The kind of object that one of our UUIDs names. The numbers are part of every UUID in use: never change one."""

    JOB = 1
    TASK = 2
    FOLDER = 3
    ORGANIZATION = 4
    SCHEDULED_JOB = 5
    PIPELINE = 6
    SCHEDULE_PART = 7
    WORK_REQUEST = 8


# -- the integer --------------------------------------------------------------------------------------------


def first_job_id(now_micros: int) -> int:
    """The smallest job id of this microsecond (µs since 1970, UTC). Raises ValueError outside 1970–2149."""
    day, micros = divmod(now_micros, DAY_MICROS)
    if not 0 <= day <= day_prefixes.LAST_DAY:
        raise ValueError(f"a job id holds times from 1970 to 2149, got {now_micros} µs")
    return day << _LOW_BITS | micros << _COUNTER_BITS


def micros_of(job_id: int) -> int:
    """The microsecond (since 1970, UTC) that the id holds."""
    return (job_id >> _LOW_BITS) * DAY_MICROS + (job_id >> _COUNTER_BITS & _MICRO_MASK)


# -- the GraphQL spelling -----------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)  # every poll of a list spells the same jobs and tasks again
def job_graphql(job_id: int) -> str:
    """`YYMMWWDD_` and ten characters: `23041407_RORjiJw7te` (graphql-contract §1.9)."""
    mixed = _JOB_MIX.apply((job_id & _LOW) << _JOB_CHECK | check(job_id, _JOB_CHECK))
    return day_prefixes.prefix(job_id >> _LOW_BITS) + _ten(mixed)


@lru_cache(maxsize=32_768)
def task_graphql(job_id: int, ordinal: int) -> str:
    """The job's GraphQL spelling and five characters."""
    value = ordinal << _TASK_CHECK | check(job_id << 14 | ordinal, _TASK_CHECK)
    mixed = _TASK_MIX.apply(value ^ check(job_id, 29))
    rest, low = divmod(mixed, _BASE)
    first, middle = divmod(rest, _BASE)
    return job_graphql(job_id) + _ALPHABET[first] + _PAIRS[middle] + _PAIRS[low]


def asset_id(target_id: int, random_bits: int) -> str:
    """`<target>_` and ten characters from the lowest 59 of the random bits."""
    return f"{target_id}_{_ten(random_bits & _JOB_MIX.mask)}"


# -- the UUID spelling --------------------------------------------------------------------------------------


@lru_cache(maxsize=16_384)
def job_uuid(job_id: int) -> str:
    """The REST spelling of a job id."""
    return tagged_uuid(Tag.JOB, job_id)


@lru_cache(maxsize=32_768)
def task_uuid(job_id: int, ordinal: int) -> str:
    """The REST spelling of a task."""
    return tagged_uuid(Tag.TASK, job_id << 14 | ordinal)


@lru_cache(maxsize=32_768)
def folder_uuid(job_id: int, ordinal: int, position: int) -> str:
    """The REST `id` of a folder. It holds the task and the folder's position there."""
    return tagged_uuid(Tag.FOLDER, (job_id << 14 | ordinal) << 11 | position)


@lru_cache(maxsize=1_024)
def organization_uuid(organization_id: int) -> str:
    """The organization's id in the fields where REST requires a UUID."""
    return tagged_uuid(Tag.ORGANIZATION, organization_id)


def pipeline_uuid(pipeline_id: int) -> str:
    """The id of a job pipeline on both interfaces."""
    return tagged_uuid(Tag.PIPELINE, pipeline_id)


def tagged_uuid(tag: Tag, number: int) -> str:
    """A version 8 UUID that holds `number` (up to 88 bits), the tag and a check. Lower case, canonical."""
    tagged = tag << _UUID_BODY | number
    return uuid_of(tagged << _UUID_CHECK | check(tagged, _UUID_CHECK))


def uuid_of(checked: int) -> str:
    """Returns the UUID that holds these 122 bits."""
    bits = _UUID_MIX.apply(checked)
    text = "%032x" % (
        (bits >> 74) << 80 | 0x8 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | (bits & 0x3FFF_FFFF_FFFF_FFFF)
    )
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_tagged(tag: Tag, text: str) -> int | None:
    """Returns the number in a UUID that `tagged_uuid` made with this tag; None for every other text."""
    checked = bits_of(text)
    if checked is None:
        return None
    tagged = checked >> _UUID_CHECK
    if tagged >> _UUID_BODY != tag or check(tagged, _UUID_CHECK) != checked & 0x3FFF_FFFF:
        return None
    return tagged & (1 << _UUID_BODY) - 1


def bits_of(text: str) -> int | None:
    """Returns the 122 bits in a UUID that `uuid_of` made; None for every other text."""
    if len(text) != 36 or not text[8] == text[13] == text[18] == text[23] == "-":
        return None
    try:
        raw = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    if len(raw) != 16:  # fromhex ignores white space
        return None
    value = int.from_bytes(raw, "big")
    if value >> 76 & 0xF != 0x8 or value >> 62 & 0b11 != 0b10:
        return None
    bits = (value >> 80) << 74 | (value >> 64 & 0xFFF) << 62 | value & 0x3FFF_FFFF_FFFF_FFFF
    return _UUID_MIX.undo(bits)


# -- reading ------------------------------------------------------------------------------------------------


def parse_number(text: str) -> int | None:
    """Returns the id that decimal digits spell; None for every other text."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    number = int(text)
    return number if number < 1 << 63 else None


def parse_uuid(text: str) -> str | None:
    """Returns the UUID in lower case, as it is stored; None for every other text."""
    return text.lower() if _UUID.fullmatch(text) else None


def parse_job(text: str) -> int | None:
    """Returns the job id that either spelling holds. None if the text is not a job id: such an id is not found."""
    if len(text) == 19:
        return _parse_job_graphql(text)
    job_id = parse_tagged(Tag.JOB, text)
    return job_id if job_id is not None and job_id < 1 << 63 else None


def schedule_uuid(schedule_id: int) -> str:
    """The UUID of a scheduled job, which REST uses beside its number."""
    return tagged_uuid(Tag.SCHEDULED_JOB, schedule_id)


def schedule_part_uuid(schedule_id: int, number: int) -> str:
    """The UUID of one part of a scheduled job's calendar, which REST uses."""
    return tagged_uuid(Tag.SCHEDULE_PART, schedule_id << 11 | number)


def parse_schedule(text: str) -> int | None:
    """Returns the scheduled job's id from digits or a UUID; None if the text is not a scheduled job's id."""
    schedule_id = parse_number(text)
    if schedule_id is None:
        schedule_id = parse_tagged(Tag.SCHEDULED_JOB, text)
    return schedule_id if schedule_id is not None and 0 < schedule_id < 1 << 63 else None


def parse_task(text: str) -> tuple[int, int] | None:
    """Returns (job id, ordinal) from either spelling; None if the text is not a task's id."""
    if len(text) == 24:
        return _parse_task_graphql(text)
    number = parse_tagged(Tag.TASK, text)
    return (number >> 14, number & MAX_ORDINAL) if number is not None and number < 1 << 77 else None


def parse_folder(text: str) -> tuple[int, int, int] | None:
    """Returns (job id, ordinal, position) from a folder's UUID; None if the text is not a folder's id."""
    number = parse_tagged(Tag.FOLDER, text)
    return (number >> 25, number >> 11 & MAX_ORDINAL, number & MAX_FOLDER) if number is not None else None


def parse_pipeline(text: str) -> int | None:
    """Returns the id of a job pipeline; None if the text is not a pipeline's id."""
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
    for day in day_prefixes.days(text[:9]):
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
