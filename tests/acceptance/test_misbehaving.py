"""Engines that hang, hide, flood, lie or use too much: each fails within its limit with a reason, and harms nobody."""

import ast
from collections.abc import Iterator

import pytest
from tests.acceptance.offered import MEMORY_MB, SECONDS
from tests.acceptance.server import Server, create, detail, ended, logs, offer, output, serving, task_of, until
from tests.thorough import THOROUGH, slowly

LOG_LIMIT = 1 << 20

TIMED_OUT = f"The engine took longer than {SECONDS} s and was stopped."
TOO_MUCH = f"The engine used more than {MEMORY_MB} MiB of memory and was stopped."
# Engine → the recorded failure kind, REST's word for it, the message, a part of its log.
CASES: dict[str, tuple[str, str, str, str]] = {
    "hang": ("chunk_timeout", "resources", TIMED_OUT, "hanging"),
    "ignore_sigterm": ("chunk_timeout", "resources", TIMED_OUT, "ignoring"),
    "stop_itself": ("chunk_timeout", "resources", TIMED_OUT, ""),
    "forks_and_hangs": ("chunk_timeout", "resources", TIMED_OUT, ""),
    "daemon_and_hangs": ("chunk_timeout", "resources", TIMED_OUT, ""),
    "hopping_and_hangs": ("chunk_timeout", "resources", TIMED_OUT, ""),
    "daemon_and_dies": ("internal_error", "internal_error", "exited with code 7 before it answered", ""),
    "killed": ("internal_error", "internal_error", "was ended by SIGKILL before it answered", ""),
    "crashes": ("internal_error", "internal_error", "was ended by SIGSEGV before it answered", "Segmentation fault"),
    "exits_zero": ("internal_error", "internal_error", "exited with code 0 before it answered", ""),
    "raises": ("internal_error", "internal_error", "The engine raised ValueError: no luck today", "Traceback"),
    "refuses": ("invalid_data", "bad_data", "the picture is upside down", ""),
    "lacks_a_package": ("system_dependency_missing", "resources", 'needs the package "langid"', "Traceback"),
    "a_string": ("internal_error", "internal_error", "not a list of outputs: str", ""),
    "noise": ("internal_error", "internal_error", "not a list of outputs", ""),
    "huge_frame": ("internal_error", "internal_error", "not a list of outputs", ""),
    "eats_steadily": ("system_error", "internal_error", TOO_MUCH, ""),
    "eats_at_once": ("system_error", "internal_error", TOO_MUCH, ""),
    "eats_in_a_grandchild": ("system_error", "internal_error", TOO_MUCH, ""),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields one server for all engines. One of them must not affect the next."""
    folder = tmp_path_factory.mktemp("misbehaving")
    path = offer(folder / "offered", *(f"moods.{name}" for name in CASES), "flood", "honest")
    with serving(folder / "data", "--python-slots", "2", PYTHONPATH=path) as started:
        yield started
        assert started.stop() == 0
        assert started.engine_processes() == set()


# tests/engines/test_child_pool.py has all of them without a server.
@pytest.mark.parametrize("engine", [*CASES][:: 1 if THOROUGH else 3])
async def test_its_task_fails_for_a_named_reason_and_the_next_is_unaffected(server: Server, engine: str) -> None:
    kind, word, said, logged = CASES[engine]
    before = server.engine_processes()  # those of the good engine that another test has left
    async with server.client() as client:
        job, next_job = await create(client, task_of(engine, maxRetries=0), task_of("honest"))
        assert await ended(client, job) == "failed"
        [task] = (await detail(client, job))["tasks"]
        assert task["taskStatus"] == "failed"
        assert task["failureReason"] == word
        assert said in task["failureDetail"]
        assert logged in "".join(await logs(client, task["internalTaskID"]))
        [last] = await server.rows(
            "SELECT outcome, failure_reason FROM attempt WHERE outcome <> 'complete' ORDER BY token DESC LIMIT 1"
        )
        assert last == ("failed", kind)
        assert await ended(client, next_job) == "complete"
        pid, _ = ast.literal_eval(await output(client, next_job))
    # The good engine's process stays warm. The other one's processes are gone.
    await until(lambda: {pid} <= server.engine_processes() <= before | {pid}, "nothing of it is left")


@slowly
async def test_a_gigabyte_of_output_becomes_a_capped_log_with_both_ends(server: Server) -> None:
    async with server.client() as client:
        [job] = await create(client, task_of("flood"))
        assert await ended(client, job) == "complete"
        [task] = (await detail(client, job))["tasks"]
        [log] = await logs(client, task["internalTaskID"])
    assert len(log) <= LOG_LIMIT
    assert log.startswith("first line\n")
    assert log.endswith("\nlast line\n")
    assert "bytes of output were not kept" in log


async def test_all_of_them_at_once_do_not_keep_an_honest_engine_from_working(server: Server) -> None:
    wild = [name for name in CASES if CASES[name][0] == "chunk_timeout"]
    async with server.client() as client:
        jobs = await create(client, *(task_of(name, maxRetries=0) for name in wild), *[task_of("honest")] * 5)
        found = [await ended(client, job) for job in jobs]
    assert found == ["failed"] * len(wild) + ["complete"] * 5


async def test_a_failed_engine_is_tried_again_as_often_as_was_asked(server: Server) -> None:
    async with server.client() as client:
        [job] = await create(client, task_of("raises", maxRetries=1))
        assert await ended(client, job) == "failed"
        [task] = (await detail(client, job))["tasks"]
        assert task["currentRetries"] == 1
        first, second = await logs(client, task["internalTaskID"])
    assert "no luck today" in first
    assert "no luck today" in second
