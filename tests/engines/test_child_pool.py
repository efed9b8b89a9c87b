"""Engines run in their own processes: whatever they do, the server learns why, and no process of them is left."""

import ast
import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from enginehouse.domain.artifact import MAX_OUTPUTS
from enginehouse.engine import Chunk, EngineFailure, EngineKind, EngineSpec, FailureKind, Output, Work
from enginehouse.engines import processes
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.frames import LoadedReply
from enginehouse.engines.keeper import ChildHandle, Keeper
from enginehouse.engines.workspace import Workspace

HERE = Path(__file__).parent
K = FailureKind


def spec(name: str, **changes: Any) -> EngineSpec:
    fields: dict[str, Any] = {"id": name, "name": name, "category_id": "test", "kind": EngineKind.PYTHON, "disk_mb": 64}
    return EngineSpec(**(fields | {"entry_point": f"misbehaving:{name}"} | changes))


async def until(what: Callable[[], Any], seconds: float = 10) -> Any:
    """Returns the first true result of `what`. It waits for effects of the kernel or another process."""
    async with asyncio.timeout(seconds):
        while True:
            if answer := what():
                return answer
            await asyncio.sleep(0.005)


class House:
    """The children of one test, with their own keeper."""

    def __init__(self, keeper: Keeper, children: ChildPool, folder: Path) -> None:
        self.keeper, self.children, self.folder = keeper, children, folder
        self.numbers = count()
        self.log = folder / "task.log"

    async def call(
        self,
        engine: str | EngineSpec,
        payload: Any = None,
        *,
        inputs: tuple[Chunk, ...] = (),
        organization_id: int = 1,
        seconds: float = 20.0,
        memory_mb: int = 512,
        log: Path | None = None,
        log_limit: int = 1 << 20,
        grace: float = 1.0,
    ) -> list[Output]:
        directory = self.folder / f"work-{next(self.numbers)}"
        directory.mkdir()
        work = Work(
            job_id="j",
            task_id="t",
            organization_id=organization_id,
            target_id=None,
            engine_id="e",
            payload=payload,
            inputs=inputs,
            folders=(),
            directory=directory,
        )
        path = log or self.log

        def append(data: bytes) -> None:
            with path.open("ab") as file:
                file.write(data)

        return await self.children.call(
            spec(engine) if isinstance(engine, str) else engine,
            work,
            log=append,
            log_limit=log_limit - (path.stat().st_size if path.exists() else 0),
            timeout=seconds,
            memory_mb=memory_mb,
            organization_id=organization_id,
            grace=lambda: grace,
        )

    async def pid(self, engine: str | EngineSpec = "good", *, organization_id: int = 1) -> int:
        (output,) = await self.call(engine, organization_id=organization_id)
        return int(output.data or b"")

    def alive(self) -> list[int]:
        """Returns every living process that has our marker, or is below our keeper and is not a fork of the keeper."""
        found = {*processes.with_marker(self.keeper.owner), *processes.descendants(self.keeper.pid)}
        return [pid for pid in found if alive(pid) and not keepers_own(pid)]


def alive(pid: int) -> bool:
    seen = processes.stat(pid)
    return seen is not None and seen.alive


def keepers_own(pid: int) -> bool:
    """Returns True for a fork of the keeper that removes a child's folder, also after it has freed its memory."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return not command or b"keeper_main" in command


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    keeper = Keeper.start()
    yield keeper
    keeper.close()


@pytest.fixture
async def house(keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.syspath_prepend(HERE)
    children = ChildPool(keeper, tmp_path, slots=2)
    house = House(keeper, children, tmp_path)
    yield house
    await children.close()
    await until(lambda: not house.alive())


async def test_the_inputs_reach_the_engine_and_the_outputs_come_back(house: House, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hello")
    chunk = Chunk(path=tmp_path / "in", media_type="text/plain", size=5)
    (output,) = await house.call("good", "inputs", inputs=(chunk,))
    assert output == Output(media_type="text/plain", data=b"hello")


async def test_a_file_of_the_engine_comes_back_out_of_its_reach(house: House) -> None:
    (output,) = await house.call("good", {"file": "out.txt"})
    assert output.path is not None
    assert output.path.parent == house.folder / "work-0"
    assert output.path.read_text() == "in the working folder"
    assert output.metadata == {"n": [1, None]}


async def test_large_bytes_come_back_as_a_file(house: House) -> None:
    (output,) = await house.call("good", {"size": 20 << 20})
    assert output.data is None
    assert output.path is not None
    assert output.path.stat().st_size == 20 << 20


async def test_a_path_that_is_no_output_is_the_engines_failure(house: House) -> None:
    with pytest.raises(EngineFailure, match="not a file in its working folder") as caught:
        await house.call("good", {"path": "second name"})
    assert caught.value.kind is K.INTERNAL_ERROR


async def test_outputs_that_cannot_be_brought_out_are_not_the_engines_failure(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Workspace, "take", full)
    with pytest.raises(
        EngineFailure, match=r"outputs could not be brought out of its folder: .*No space left"
    ) as caught:
        await house.call("good", {"file": "out.txt"})
    assert caught.value.kind is K.SYSTEM_ERROR
    assert house.alive() == []


async def test_too_many_outputs_are_refused_at_the_limit(house: House) -> None:
    assert len(await house.call("good", {"outputs": MAX_OUTPUTS})) == MAX_OUTPUTS
    with pytest.raises(EngineFailure, match=f"returned {MAX_OUTPUTS + 1} outputs; at most {MAX_OUTPUTS} are allowed"):
        await house.call("good", {"outputs": MAX_OUTPUTS + 1})


async def test_the_environment_holds_nothing_of_the_servers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINEHOUSE_DATABASE", "postgresql://u:secret@db")
    (output,) = await house.call("good", "environment")
    environment = eval((output.data or b"").decode())
    allowed = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "LD_LIBRARY_PATH", processes.MARKER}
    assert {name for name in environment if not name.startswith("PYTHON")} <= allowed
    assert "secret" not in str(environment)
    assert environment["HOME"] == environment["TMPDIR"] != os.environ.get("HOME")


async def test_no_open_file_of_the_server_is_inherited(house: House, tmp_path: Path) -> None:
    with (tmp_path / "database.sqlite").open("w") as database:
        os.set_inheritable(database.fileno(), True)
        (output,) = await house.call("good", "descriptors")
    assert b"database.sqlite" not in (output.data or b"")


async def test_a_warm_child_is_used_again(house: House) -> None:
    assert await house.pid() == await house.pid()


async def test_an_item_begins_in_an_empty_folder_which_the_next_has_too_if_nothing_was_made_in_it(house: House) -> None:
    async def folder() -> Any:
        [output] = await house.call("good", "folder")
        return ast.literal_eval((output.data or b"").decode())

    first = await folder()
    assert await folder() == first == (first[0], [])
    await house.call("good", {"file": "left.txt"})
    other = await folder()
    assert other[1] == []
    assert other[0] != first[0]


async def test_a_child_that_speaks_between_two_items_is_not_used_again(house: House) -> None:
    first = await house.pid("good")
    [(child, _)] = house.children._idle.items()
    child._connection.data_received(b"\0")
    assert await house.pid("good") != first


async def test_two_organizations_never_share_a_child(house: House) -> None:
    first = await house.pid(organization_id=1)
    assert await house.pid(organization_id=2) != first
    assert await house.pid(organization_id=1) == first


async def test_an_engine_that_says_so_is_shared(house: House) -> None:
    shared = spec("good", shared=True)
    assert await house.pid(shared, organization_id=1) == await house.pid(shared, organization_id=2)


async def test_an_idle_child_makes_room_for_another_engine(house: House) -> None:
    pids = [await house.pid(organization_id=n) for n in (1, 2, 3)]
    assert not alive(pids[0])
    assert await house.pid(organization_id=2) == pids[1]
    assert len(house.alive()) <= 2


async def test_more_calls_than_slots_wait_their_turn(house: House) -> None:
    pids = await asyncio.gather(*(house.pid(organization_id=n % 3) for n in range(9)))
    assert len(pids) == 9
    assert len(house.alive()) <= 2


async def test_an_idle_child_is_ended_and_its_folder_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    keeper = Keeper.start()
    house = House(keeper, ChildPool(keeper, scratch, slots=1, idle_seconds=0.05), tmp_path)
    await house.pid()
    await until(lambda: not house.alive() and not list(scratch.iterdir()))
    keeper.close()


# Every way to fail, its kind, and a part of its message.
FAILURES = {
    "hang": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "ignore_sigterm": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "stop_itself": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "forks_and_hangs": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "daemon_and_hangs": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "renames_itself": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "hopping_and_hangs": (K.CHUNK_TIMEOUT, "took longer than 0.3 s and was stopped"),
    "daemon_and_dies": (K.INTERNAL_ERROR, "exited with code 7"),
    "raises": (K.INTERNAL_ERROR, "The engine raised ValueError: no luck today"),
    "refuses": (K.INVALID_DATA, "the picture is upside down"),
    "blames_the_server": (K.INTERNAL_ERROR, "the server has stopped"),
    "lacks_a_package": (K.SYSTEM_DEPENDENCY_MISSING, r'the package "langid".*pip install .enginehouse\[engines\]'),
    "exits": (K.INTERNAL_ERROR, "exited with code 3"),
    "exits_zero": (K.INTERNAL_ERROR, "exited with code 0"),
    "crashes": (K.INTERNAL_ERROR, "ended by SIGSEGV"),
    "killed": (K.INTERNAL_ERROR, "ended by SIGKILL"),
    "hangs_up": (K.INTERNAL_ERROR, "closed its connection"),
    "huge_frame": (K.INTERNAL_ERROR, "is not a list of outputs: a message of 4294967295 bytes"),
    "noise": (K.INTERNAL_ERROR, "is not a list of outputs"),
    "deep_frame": (K.INTERNAL_ERROR, "is not a list of outputs"),
    "made_up_answer": (K.INTERNAL_ERROR, "is not a list of outputs"),
    "a_string": (K.INTERNAL_ERROR, "is not a list of outputs: str"),
    "nothing": (K.INTERNAL_ERROR, "is not a list of outputs: NoneType"),
    "a_dictionary_inside": (K.INTERNAL_ERROR, "is not a list of outputs"),
    "wrong_types": (K.INTERNAL_ERROR, r"Expected `str`, got `int` - at `\$.outputs\[0\].media_type`"),
    "neither_data_nor_path": (K.INTERNAL_ERROR, "either data or path"),
    "unsendable": (K.INTERNAL_ERROR, "object cannot be sent"),
    "endless_metadata": (K.INTERNAL_ERROR, "is not a list of outputs"),
    "eats_at_once": (K.SYSTEM_ERROR, "used more than 128 MiB of memory and was stopped"),
    "eats_steadily": (K.SYSTEM_ERROR, "used more than 128 MiB of memory and was stopped"),
    "eats_in_a_grandchild": (K.SYSTEM_ERROR, "used more than 128 MiB of memory and was stopped"),
    "many_processes": (K.SYSTEM_ERROR, "too many processes"),
    "fills_the_disk": (K.SYSTEM_ERROR, "kept more than 64 MiB of files and was stopped"),
    "digs_deep": (K.SYSTEM_ERROR, "kept more than 64 MiB of files and was stopped"),
    "fills_memory_with_files": (K.SYSTEM_ERROR, "kept more than 64 MiB of files and was stopped"),
    "writes_one_long_file": (K.SYSTEM_ERROR, "wrote a file of more than 64 MiB"),
}
TIMED_OUT = "took longer than 0.3 s and was stopped"


@pytest.mark.parametrize("mood", FAILURES)
async def test_a_misbehaving_engine_fails_with_its_reason_and_leaves_nothing(house: House, mood: str) -> None:
    await fail(house, mood)


async def fail(house: House, mood: str, **instead: str) -> None:
    """The engine has failed as it should, and only its own processes are gone."""
    kind, sentence = FAILURES[mood]
    keeper = house.keeper.pid
    seconds = 0.3 if sentence == TIMED_OUT else 15.0
    with pytest.raises(EngineFailure, match=instead.get(mood, sentence)) as caught:
        await house.call("moody", mood, seconds=seconds, memory_mb=2048 if mood == "many_processes" else 128)
    assert caught.value.kind is kind
    assert house.alive() == []
    assert processes.stat(keeper) is not None
    left = ("enginehouse-child-*", "data/workspaces/enginehouse-child-*")
    await until(lambda: not any(any(house.folder.glob(pattern)) for pattern in left))


async def test_after_a_failure_the_next_item_has_another_child(house: House) -> None:
    for mood in ("raises", "nothing", "hang"):
        before = await house.pid("moody")
        await fail(house, mood)
        assert await house.pid("moody") != before


async def test_a_failure_keeps_what_the_engine_says_about_a_retry(house: House) -> None:
    for mood, expected in (("refuses", (True, 7)), ("raises", (False, None))):
        with pytest.raises(EngineFailure) as caught:
            await house.call("moody", mood)
        assert (caught.value.is_final, caught.value.retry_after) == expected


async def test_a_traceback_is_in_the_log(house: House) -> None:
    with pytest.raises(EngineFailure):
        await house.call("moody", "raises")
    assert "ValueError: no luck today" in house.log.read_text()
    with pytest.raises(EngineFailure):
        await house.call("moody", "crashes")
    assert "Segmentation fault" in house.log.read_text()


async def test_the_log_grows_while_the_engine_runs(house: House) -> None:
    call = asyncio.create_task(house.call("moody", "hang", seconds=60))
    await until(lambda: house.log.exists() and house.log.read_text() == "hanging\n")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_gigabyte_of_output_neither_stops_the_engine_nor_fills_the_disk(house: House) -> None:
    assert await house.call("flood", seconds=60, log_limit=100_000) == []
    log = house.log.read_bytes()
    assert len(log) <= 100_000
    assert log.startswith(b"first line\nyyy")
    assert log.endswith(b"yyy\nlast line\n")
    assert b"bytes of output were not kept" in log


async def test_what_comes_later_has_what_is_left_of_the_limit(house: House) -> None:
    for n in range(6):
        await house.call("good", {"print": str(n) * 1500}, log_limit=4000)
    assert house.log.read_text().startswith("0" * 1500 + "\n")
    assert house.log.stat().st_size <= 4000


async def test_output_of_one_item_never_reaches_the_log_of_the_next(house: House, tmp_path: Path) -> None:
    for n in range(5):
        await house.call("good", {"print": f"line {n}"}, log=tmp_path / f"{n}.log")
    assert [(tmp_path / f"{n}.log").read_text() for n in range(5)] == [f"line {n}\n" for n in range(5)]


async def test_an_engine_that_closes_its_output_can_print_the_next_time(house: House) -> None:
    first = await house.pid("closes_output")
    assert await house.pid("closes_output") == first


async def test_what_a_successful_engine_leaves_running_is_gone_before_its_outputs_are_seen(house: House) -> None:
    (output,) = await house.call("leaves_a_writer")
    assert house.alive() == []
    assert output.path is not None
    content = output.path.read_text()
    assert content.replace("late", "") == "whole"
    first = await house.pid("leaves_a_pipe_holder")
    assert house.alive() == []
    assert await house.pid("leaves_a_pipe_holder") != first


async def test_a_fork_that_comes_back_from_the_engine_does_not_answer(house: House) -> None:
    for _ in range(2):
        (output,) = await house.call("fork_returns")
        assert output.data == b"the engine"


@pytest.mark.parametrize("mood", ["hang", "ignore_sigterm", "daemon_and_hangs"])
async def test_a_cancelled_call_has_ended_its_child_before_it_returns(house: House, mood: str) -> None:
    await house.pid("moody")
    call = asyncio.create_task(house.call("moody", mood, seconds=60))
    await until(lambda: house.log.exists() if mood != "daemon_and_hangs" else len(house.alive()) > 1)
    call.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await call
    assert house.alive() == []


async def test_an_engine_that_ends_when_told_to_does_not_use_up_its_grace(house: House) -> None:
    call = asyncio.create_task(house.call("moody", "hang", seconds=60, grace=3600))
    await until(house.log.exists)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert house.alive() == []


async def test_a_second_cancel_leaves_a_stubborn_engine_the_shortest_grace_and_still_waits(house: House) -> None:
    call = asyncio.create_task(house.call("moody", "ignore_sigterm", seconds=60, grace=3600))
    await until(house.log.exists)
    call.cancel()
    done, _ = await asyncio.wait([call], timeout=0.3)
    assert not done, "it has its grace"
    assert house.alive()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert house.alive() == []


async def test_a_child_killed_from_outside_is_a_failure_with_a_name(house: House) -> None:
    pid = await house.pid("moody")
    call = asyncio.create_task(house.call("moody", "hang", seconds=60))
    await until(house.log.exists)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineFailure, match="ended by SIGKILL"):
        await call
    assert await house.pid("moody") != pid


async def test_a_warm_child_that_died_while_idle_is_not_used(house: House) -> None:
    pid = await house.pid()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid))
    assert await house.pid() != pid


async def test_an_engine_that_cannot_be_found_says_so(house: House) -> None:
    with pytest.raises(EngineFailure, match='no_such_package"') as caught:
        await house.call(spec("x", entry_point="no_such_package.engine:engine"))
    assert caught.value.kind is K.SYSTEM_DEPENDENCY_MISSING
    with pytest.raises(EngineFailure, match='No installed package has an entry point "nobody"'):
        await house.call(spec("x", entry_point="nobody"))
    with pytest.raises(EngineFailure, match="is not an engine"):
        await house.call(spec("x", entry_point="misbehaving:MOODS"))


async def test_closing_ends_idle_and_running_children(house: House) -> None:
    await house.pid()
    call = asyncio.create_task(house.call("moody", "ignore_sigterm", seconds=60))
    await until(house.log.exists)
    await house.children.close()
    assert house.alive() == []
    with pytest.raises(EngineFailure) as caught:
        await call
    assert caught.value.kind is K.SERVER_STOPPED


async def test_one_child_reads_several_engines_and_after_a_failure_a_new_one_reads_the_rest(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_on_import.py").write_text("import os\nos._exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    spawned = []

    def spawn(*args: Any, **options: Any) -> ChildHandle:
        spawned.append(args)
        return start(*args, **options)

    start = house.keeper.spawn
    monkeypatch.setattr(house.keeper, "spawn", spawn)
    good, moody, absent, ends, again = await house.children.read_engines(
        ["misbehaving:good", "misbehaving:moody", "absent:engine", "ends_on_import:engine", "misbehaving:good"]
    )
    assert isinstance(good, LoadedReply)
    assert isinstance(moody, LoadedReply)
    assert good == again
    assert good.spec is not None
    assert moody.spec is not None
    assert moody.spec.name != good.spec.name
    assert isinstance(absent, EngineFailure)
    assert absent.kind is K.SYSTEM_DEPENDENCY_MISSING
    assert isinstance(ends, EngineFailure)
    assert len(spawned) == 3
    assert house.alive() == []


async def test_a_closed_pool_starts_no_child(house: House) -> None:
    await house.children.close()
    with pytest.raises(EngineFailure) as caught:
        await house.pid()
    [refused] = await house.children.read_engines(["misbehaving:good"])
    assert isinstance(refused, EngineFailure)
    assert caught.value.kind is refused.kind is K.SERVER_STOPPED
    assert house.alive() == []


async def test_a_killed_keeper_is_replaced_and_what_it_kept_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    keeper = Keeper.start()
    house = House(keeper, ChildPool(keeper, tmp_path, slots=2), tmp_path)
    call = asyncio.create_task(house.call("moody", "daemon_and_hangs", seconds=60))
    left = await until(lambda: pids if len(pids := processes.with_marker(keeper.owner)) >= 2 else None)
    os.kill(keeper.pid, signal.SIGKILL)
    with pytest.raises(EngineFailure, match="keeps the engines vanished"):
        await call
    new = await house.pid()
    await until(lambda: processes.with_marker(keeper.owner) == [new])
    assert new not in left
    await house.children.close()
    keeper.close()
    assert processes.with_marker(keeper.owner) == []


SERVER = """
import asyncio, sys
from pathlib import Path
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.frames import LoadedReply
from enginehouse.engines.keeper import ChildHandle, Keeper
sys.path.insert(0, sys.argv[1])
keeper = Keeper.start()
print(keeper.pid, keeper.owner, flush=True)
from test_child_pool import House

async def main():
    house = House(keeper, ChildPool(keeper, Path(sys.argv[2]), slots=4), Path(sys.argv[3]))
    moods = ("hang", "ignore_sigterm", "daemon_and_hangs", "hopping_and_hangs")
    await asyncio.gather(*(house.call("moody", mood, seconds=60) for mood in moods))

asyncio.run(main())
"""


def start_server(scratch: Path, folder: Path) -> tuple[subprocess.Popen[str], int, str]:
    """Returns a server with four calls that never end, its keeper's pid, and the marker of its children."""
    server = subprocess.Popen([sys.executable, "-c", SERVER, HERE, scratch, folder], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        pid, owner = server.stdout.readline().split()
    return server, int(pid), owner


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_outlives_a_killed_server(tmp_path: Path, how: signal.Signals) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    server, pid, owner = start_server(scratch, tmp_path)
    await until(lambda: len(processes.with_marker(owner)) >= 6, 20)
    server.send_signal(how)
    server.wait()
    await until(lambda: not processes.with_marker(owner) and not alive(pid), 5)
    assert list(scratch.iterdir()) == []
