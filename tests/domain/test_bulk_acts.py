"""Rules of acts on many jobs as text, and what each act does to each kind of job."""

from dataclasses import fields, replace
from itertools import product

import pytest

from enginehouse.domain import bulk_acts
from enginehouse.domain.bulk_acts import Act, JobKind, SkipReason
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JOB_ENDED, JobStatus

SAMPLES = {
    "statuses": (JobStatus.FAILED, JobStatus.ABORTED), "ids": (1, 2), "target_id": 7, "has_target": False, "name": "a",
    "core_id": "c", "engine_ids": ("e",), "failure_reasons": ("url_error",), "paused": True, "schedule_ids": (3,),
    "has_schedule": True, "created_from": 1_700_000_000_000_000, "created_to": 1_700_000_000_000_000,
    "modified_from": 1_700_000_000_000_000, "modified_to": 1_700_000_000_000_000,
}  # fmt: skip
PAGING = {"order_by", "descending", "above", "below", "offset", "limit"}


def test_every_filter_is_kept_and_said() -> None:
    assert SAMPLES.keys() | PAGING == {field.name for field in fields(JobFilter)}
    for name, value in SAMPLES.items():
        rule = replace(JobFilter(), **{name: value})  # type: ignore[arg-type]
        assert bulk_acts.decode(bulk_acts.encode(rule)) == rule
        assert bulk_acts.in_words(rule)
        assert bulk_acts.problems(rule) == []
        assert bulk_acts.is_range(rule) == name.startswith("created")
    whole = JobFilter(**SAMPLES)  # type: ignore[arg-type]
    assert bulk_acts.decode(bulk_acts.encode(whole)) == whole


def test_paging_is_no_rule() -> None:
    paged = JobFilter(order_by="modified_at", descending=False, above=1, below=2, offset=3, limit=4)
    assert [problem.path for problem in bulk_acts.problems(paged)] == ["rule"]
    assert not bulk_acts.is_range(paged)


@pytest.mark.parametrize("act", list(Act))
def test_an_act_changes_what_its_undo_can_take_back(act: Act) -> None:
    """What a pause changes, a resume changes afterwards, and the other way round."""
    after = {Act.PAUSE: {"paused": True}, Act.RESUME: {"paused": False}, Act.RETRY: {"status": JobStatus.PENDING}}
    flags = (False, True)
    for status, started, paused, cancelled in product(JobStatus, flags, flags, flags):
        kind = JobKind(status, started, paused, cancelled)
        reason = bulk_acts.verdict(act, kind)
        if cancelled or (status in JOB_ENDED and act is not Act.RETRY):
            assert reason in {SkipReason.CANCELLED, SkipReason.ENDED}
        elif reason is None and (undo := bulk_acts.UNDO.get(act)) is not None:
            changed = kind._replace(started=False, **after[act])  # type: ignore[arg-type]
            assert bulk_acts.verdict(undo, changed) is None
