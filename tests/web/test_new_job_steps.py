"""The job that steps make: each engine gets what it can read, and one document holds all results."""

import pytest
from tests import make

from enginehouse.domain.engine import EngineMode
from enginehouse.domain.job import JobRequest
from enginehouse.domain.planning.plan import plan
from enginehouse.web.new_job_draft import Draft, StepDraft, with_step, without_step
from enginehouse.web.new_job_steps import CHUNKER, SOURCE, WRITER, JobStep, job_of

ENGINES = {
    **make.ENGINES,
    **{
        each.name: each
        for each in (
            make.spec(SOURCE, mode=EngineMode.STREAM, ingests=True),
            make.spec(CHUNKER, mode=EngineMode.STREAM),
            make.spec(WRITER, gathers=True),
            make.spec("hear", inputs=("audio/wav", "audio/*")),
        )
    },
}


def made(*steps: tuple[str, int]) -> tuple[JobRequest, list[str]]:
    """Returns the job of the steps, and its routes in words."""
    known: list[JobStep] = [JobStep(engine=ENGINES[name], reads=reads) for name, reads in steps]
    job = job_of(known, {"url": "https://a.example"}, name=None, target_id=None)
    planned = plan(job.request, ENGINES.get, lambda word: None, now=make.NOW)
    assert planned.warnings == (), "every folder is used"
    names = [task.engine_id for task in planned.plan.tasks]
    assert {names[ordinal]: steps[number - 1][0] for ordinal, number in job.places.items()} == {
        name: name for name, _ in steps
    }
    return job.request, [f"{names[route.parent]}>{names[route.child]}" for route in planned.plan.routes]


CASES: dict[str, tuple[list[tuple[str, int]], list[str]]] = {
    "one alone": ([("read", 0)], []),
    "two side by side": (
        [("read", 0), ("hear", 0)],
        [f"{SOURCE}>{CHUNKER}", f"{CHUNKER}>read", f"{CHUNKER}>hear", f"read>{WRITER}", f"hear>{WRITER}"],
    ),
    "one after the other": (
        [("hear", 0), ("read", 1)],
        [f"{SOURCE}>{CHUNKER}", f"{CHUNKER}>hear", "hear>read", f"hear>{WRITER}", f"read>{WRITER}"],
    ),
    "a stream engine needs no chunks": (
        [("stream", 0), ("read", 1)],
        [f"{SOURCE}>stream", "stream>read", f"stream>{WRITER}", f"read>{WRITER}"],
    ),
    "an adapter is the source": (
        [("ingest", 0), ("read", 1)],
        [f"ingest>{CHUNKER}", f"{CHUNKER}>read", f"read>{WRITER}"],
    ),
    "what a step gathers is not written twice": (
        [("read", 0), ("write", 1)],
        [f"{SOURCE}>{CHUNKER}", f"{CHUNKER}>read", "read>write"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_steps_are_joined(case: str) -> None:
    steps, routes = CASES[case]
    job, found = made(*steps)
    assert found == routes
    assert job.tasks[0].payload == {"url": "https://a.example"}


@pytest.mark.parametrize(("steps", "sound"), [([("hear", 0), ("read", 1)], True), ([("hear", 0), ("read", 0)], False)])
def test_the_sound_is_taken_from_a_video_if_all_that_read_it_only_hear(
    steps: list[tuple[str, int]], sound: bool
) -> None:
    job, _ = made(*steps)
    [chunker] = [task for task in job.tasks if task.engine_id == CHUNKER]
    assert chunker.payload == ({"ffmpegTemplate": "audio"} if sound else None)


def test_a_step_that_goes_leaves_its_input_to_its_readers() -> None:
    draft = Draft(steps=(StepDraft(engine="a"), StepDraft(engine="b", reads="1"), StepDraft(engine="c", reads="2")))
    assert [(step.engine, step.reads) for step in without_step(draft, 2).steps] == [("a", "0"), ("c", "1")]
    assert [(step.engine, step.reads) for step in without_step(draft, 1).steps] == [("b", "0"), ("c", "1")]
    assert without_step(draft, 9) == draft
    assert with_step(draft).steps[-1] == StepDraft(reads="3")
    full = draft
    for _ in range(40):
        full = with_step(full)
    assert len(full.steps) == 20


def test_whatever_is_filled_in_makes_another_digest() -> None:
    draft = Draft(text="a", key="k")
    others = [
        Draft(text="b"),
        Draft(url="a"),
        Draft(text="a", name="n"),
        Draft(text="a", steps=(StepDraft(engine="e"),)),
    ]
    assert len({each.digest for each in (draft, *others)}) == 5
    assert draft.digest == Draft(text="a", key="another").digest
