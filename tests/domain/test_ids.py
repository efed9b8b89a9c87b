"""Ids: every spelling can be read back, and a mistyped one is refused."""

import random
import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.ids import Tag
from enginehouse.domain.refs import Ref
from enginehouse.domain.work_requests import MAX_ITEM, parse_request, request_uuid

JOB_IDS = st.integers(0, (1 << 63) - 1)
ORDINALS = st.integers(0, ids.MAX_ORDINAL)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
APRIL_7 = ids.first_job_id(int(datetime(2023, 4, 7, 12, 30, tzinfo=UTC).timestamp()) * 1_000_000)


@given(JOB_IDS)
def test_a_job_id_survives_both_spellings(job_id: int) -> None:
    assert ids.parse_job(ids.job_graphql(job_id)) == job_id
    assert ids.parse_job(ids.job_uuid(job_id)) == job_id
    assert ids.parse_job(ids.job_uuid(job_id).upper()) == job_id


@given(JOB_IDS, ORDINALS)
def test_a_task_survives_both_spellings(job_id: int, ordinal: int) -> None:
    assert ids.parse_task(ids.task_graphql(job_id, ordinal)) == (job_id, ordinal)
    assert ids.parse_task(ids.task_uuid(job_id, ordinal)) == (job_id, ordinal)
    assert ids.parse_job(ids.task_graphql(job_id, ordinal)) is None
    assert ids.parse_job(ids.task_uuid(job_id, ordinal)) is None


@given(JOB_IDS, ORDINALS, st.integers(0, ids.MAX_FOLDER))
def test_a_folder_survives_its_uuid(job_id: int, ordinal: int, position: int) -> None:
    assert ids.parse_folder(ids.folder_uuid(job_id, ordinal, position)) == (job_id, ordinal, position)


@given(JOB_IDS, ORDINALS, st.integers(0, MAX_ITEM), st.integers(0, 121))
def test_a_work_request_survives_its_uuid_and_names_nothing_else(job_id: int, ordinal: int, item: int, n: int) -> None:
    text = request_uuid(job_id, ordinal, item)
    assert parse_request(text.upper()) == (job_id, ordinal, item)
    assert [ids.parse_tagged(tag, text) for tag in Tag if tag is not Tag.WORK_REQUEST] == [None] * 7
    assert parse_request(ids.task_uuid(job_id, ordinal)) is None
    assert parse_request(str(uuid.UUID(int=uuid.UUID(text).int ^ 1 << n % 60))) != (job_id, ordinal, item)


@given(st.sampled_from(Tag), st.integers(0, (1 << 88) - 1), st.sampled_from(Tag))
def test_a_uuid_is_read_only_as_what_it_names(tag: Tag, number: int, other: Tag) -> None:
    text = ids.tagged_uuid(tag, number)
    assert ids.parse_tagged(other, text) == (number if other is tag else None)
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert str(parsed) == text


@given(st.integers(0, 65535 * ids.DAY_MICROS), st.integers(0, 65535 * ids.DAY_MICROS))
def test_ids_sort_by_time(earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))
    assert ids.first_job_id(earlier) <= ids.first_job_id(later)
    assert ids.micros_of(ids.first_job_id(later)) == later


def test_a_taken_id_is_followed_by_the_next_also_past_the_counter() -> None:
    micros = 1_700_000_000_000_000
    first = ids.first_job_id(micros)
    assert [ids.micros_of(first + n) - micros for n in (0, 1, 1023, 1024, 2048)] == [0, 0, 0, 1, 2]
    last_of_day = ids.first_job_id(ids.DAY_MICROS - 1) + 1023
    for job_id in (first + 1024, last_of_day, last_of_day + 1):
        assert ids.parse_job(ids.job_graphql(job_id)) == job_id
    assert last_of_day + 1 < ids.first_job_id(ids.DAY_MICROS)


@pytest.mark.parametrize("micros", [-1, 65536 * ids.DAY_MICROS])
def test_a_time_that_does_not_fit_is_refused(micros: int) -> None:
    with pytest.raises(ValueError, match="from 1970 to 2149"):
        ids.first_job_id(micros)


def test_the_graphql_spelling_has_the_documented_form() -> None:
    assert re.fullmatch(r"23041407_[A-Za-z0-9]{10}", ids.job_graphql(APRIL_7))
    assert re.fullmatch(re.escape(ids.job_graphql(APRIL_7)) + "[A-Za-z0-9]{5}", ids.task_graphql(APRIL_7, 3))
    assert re.fullmatch(r"380612133_[A-Za-z0-9]{10}", ids.asset_id(380612133, random.Random(1).getrandbits(64)))


@pytest.mark.parametrize(
    ("day", "prefix"),
    [(date(2020, 7, 20), "20073020_"), (date(2021, 1, 1), "21015301_"), (date(1970, 1, 1), "70010101_")],
)
def test_the_prefix_is_year_month_iso_week_day(day: date, prefix: str) -> None:
    micros = (day - date(1970, 1, 1)) // timedelta(days=1) * ids.DAY_MICROS
    assert ids.job_graphql(ids.first_job_id(micros)).startswith(prefix)


@pytest.mark.parametrize("prefix", ["23041507_", "23041408_", "23051407_", "22041407_", "23041407-", "2304140\u0667_"])
def test_the_whole_prefix_is_verified(prefix: str) -> None:
    assert ids.parse_job(prefix + ids.job_graphql(APRIL_7)[9:]) is None


@given(JOB_IDS)
def test_a_job_is_answered_in_its_graphql_spelling_however_it_was_named(job_id: int) -> None:
    for text in (ids.job_graphql(job_id), ids.job_uuid(job_id), ids.job_uuid(job_id).upper()):
        assert refs.job_graphql(refs.job(text)) == ids.job_graphql(job_id)
    assert refs.job_graphql(Ref.of(job_id)) == ids.job_graphql(job_id)


def test_spellings_are_for_ever() -> None:
    """Clients store ids, so these spellings must never change."""
    assert ids.job_graphql(APRIL_7) == "23041407_2K8wXUPQlx"
    assert ids.job_uuid(APRIL_7) == "f4f92d5d-21dd-8914-918d-058b412c8073"
    assert ids.task_graphql(APRIL_7, 2) == "23041407_2K8wXUPQlxMKcww"
    assert ids.task_uuid(APRIL_7, 2) == "0007c140-e9c9-8bc9-9a2a-7b5fde653ad5"
    assert ids.tagged_uuid(Tag.ORGANIZATION, 17532) == "40b177f6-5dea-8b86-b3f5-c26ebeb25ee3"


def test_one_changed_character_almost_never_names_a_job() -> None:
    accepted = tried = 0
    for n in range(40):
        text = ids.job_graphql(APRIL_7 + n * 7919)
        for position in range(len(text)):
            for character in ALPHABET:
                if character != text[position]:
                    changed = text[:position] + character + text[position + 1 :]
                    tried += 1
                    if (found := ids.parse_job(changed)) is not None:
                        accepted += 1
                        assert ids.job_graphql(found) == changed  # a job has one spelling
    assert tried > 40_000
    assert 0 < accepted < 3 * tried / 4096


def test_one_changed_character_almost_never_names_a_task() -> None:
    accepted = 0
    for ordinal in range(40):
        text = ids.task_graphql(APRIL_7, ordinal)
        for position in range(19, 24):
            for character in set(ALPHABET) - {text[position]}:
                changed = text[:position] + character + text[position + 1 :]
                accepted += ids.parse_task(changed) is not None
    assert accepted <= 3  # 12 200 tried, one in 32 768 expected


def test_one_changed_digit_never_names_anything_by_uuid() -> None:
    for text in (ids.job_uuid(APRIL_7), ids.task_uuid(APRIL_7, 9), ids.tagged_uuid(Tag.ORGANIZATION, 1)):
        for position in range(36):
            for character in "0123456789abcdef-g _":
                if character != text[position]:
                    changed = text[:position] + character + text[position + 1 :]
                    assert ids.parse_job(changed) is None
                    assert ids.parse_task(changed) is None
                    assert ids.parse_tagged(Tag.ORGANIZATION, changed) is None


def test_neighbours_do_not_look_alike() -> None:
    for spell in (ids.job_graphql, ids.job_uuid):
        texts = [spell(APRIL_7 + n) for n in range(300)]
        alike = [sum(a == b for a, b in zip(one, two, strict=True)) for one, two in pairwise(texts)]
        fixed = 9 if spell is ids.job_graphql else 5  # the prefix; the dashes and the version
        assert sum(alike) / len(alike) < fixed + 3


@given(st.text(max_size=40))
def test_any_other_text_names_nothing_and_fails_nothing(text: str) -> None:
    assert ids.parse_job(text) is None
    assert ids.parse_task(text) is None
    assert ids.parse_folder(text) is None


@pytest.mark.parametrize(
    "change", [str.upper, lambda t: "{" + t + "}", lambda t: t.replace("-", ""), lambda t: t[:-1], lambda t: t + " "]
)
def test_only_the_canonical_uuid_is_read_in_any_case(change: Callable[[str], str]) -> None:
    changed = change(ids.job_uuid(APRIL_7))
    assert ids.parse_job(changed) == (APRIL_7 if change is str.upper else None)


def test_uuid_digits_are_ascii_hexadecimal_only() -> None:
    text = ids.job_uuid(APRIL_7)
    digit = next(n for n, character in enumerate(text) if character.isdigit())
    wide = text[:digit] + chr(0xFF10 + int(text[digit])) + text[digit + 1 :]
    assert ids.parse_job(wide) is None


def test_white_space_is_no_zero() -> None:
    text = next(text for n in range(10_000) if (text := ids.job_uuid(n)).startswith("00"))
    assert ids.parse_job(text) is not None
    assert ids.parse_job("  " + text[2:]) is None
