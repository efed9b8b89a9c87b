"""Engines are not the server: at every level they reach only what is theirs, and ordinary work goes on."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.engines import probes
from tests.engines.probes import LIBC
from tests.engines.test_child_pool import FAILURES, House, alive, fail, keeper, spec, until
from tests.thorough import THOROUGH

from enginehouse.engine import Chunk, EngineFailure
from enginehouse.engines import processes
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox import bubblewrap, landlock, seccomp, system
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, SandboxMissing, choose, missing
from enginehouse.engines.sandbox.syscalls import machine

HERE = Path(__file__).parent
# The failures that a sandbox could change: how an engine ends, what it leaves, and what it uses. The others are
# replies, which are the same at every level; `make chaos` tries all.
BY_LEVEL = [
    "ignore_sigterm",
    "stop_itself",
    "renames_itself",
    "hopping_and_hangs",
    "daemon_and_dies",
    "exits",
    "crashes",
]
BY_LEVEL += ["killed", "raises", "eats_in_a_grandchild", "many_processes", "fills_the_disk", "digs_deep"]
BY_LEVEL += ["fills_memory_with_files", "writes_one_long_file"]
missing_here = cache(missing)
REAL = [level for level in SandboxLevel if level is not SandboxLevel.NONE]
# What another user can do by the rules of the system, and what needs no sandbox to be harmless.
OPEN_AT = {SandboxLevel.UID: {"read the command of the server", "write to the shared memory"}}
# What happens in a folder, a memory or a network of its own.
OWN = {
    SandboxLevel.BWRAP: {"write to the shared memory", "write into the data folder", "write where others read"}
    | {"rename the data folder", "send a packet"}
}
__all__ = ["keeper"]


@pytest.fixture(params=REAL)
def level(request: pytest.FixtureRequest) -> SandboxLevel:
    found: SandboxLevel = request.param
    if why := missing_here(found):
        pytest.skip(f"{found}: {why}")
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Returns a data folder with secrets in it."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for name in ("admin-password", "enginehouse.db"):
        (data / name).write_text("secret")
        (data / name).chmod(0o600)
    return data


@pytest.fixture
def folder(level: SandboxLevel, data: Path) -> Iterator[Path]:
    """Yields the folder of the workspaces: in the data folder, or where another user may enter."""
    if level is SandboxLevel.UID:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            Path(name).chmod(0o711)
            yield Path(name)
    else:
        folder = data / "workspaces"
        folder.mkdir()
        yield folder


def untouched(data: Path) -> bool:
    files = sorted(path.name for path in data.iterdir() if path.is_file())
    return files == ["admin-password", "enginehouse.db"] and (data / "enginehouse.db").read_text() == "secret"


def exists(path: str) -> bool:
    return Path(path).exists()


@pytest.fixture
async def house(
    keeper: Keeper,
    level: SandboxLevel,
    data: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    (tmp_path / "packages").mkdir()
    for path in (HERE, tmp_path / "packages"):
        monkeypatch.syspath_prepend(path)
    monkeypatch.setenv("ENGINEHOUSE_DATABASE", "postgresql://u:secret@db")
    monkeypatch.setenv("AIWARE_INIT_TOKEN", "secret")
    children = ChildPool(keeper, folder, slots=2, sandbox=Sandbox(level, hidden=(data,)))
    house = House(keeper, children, tmp_path)
    yield house
    await children.close()
    await until(lambda: not house.alive())


@pytest.fixture
def victim() -> Iterator[int]:
    """Yields the pid of a process that stands for the server: same user, secrets in its environment."""
    secret = os.environ | {"DATABASE": "postgresql://u:secret@db"}
    with subprocess.Popen(["sleep", "600"], env=secret, start_new_session=True) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def targets(data: Path, victim: int, keeper: Keeper, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Yields what the probe tries to reach: files, processes, and sockets that listen."""
    with ExitStack() as listeners:
        tcp = listeners.enter_context(socket.create_server(("127.0.0.1", 0)))
        paths = {"socket": str(tmp_path / "server.sock"), "packets": str(tmp_path / "log.sock")}
        udp = listeners.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(tcp.getsockname())
        udp.setblocking(False)
        stream = listeners.enter_context(socket.socket(socket.AF_UNIX))
        stream.bind(paths["socket"])
        stream.listen()
        packets = listeners.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        packets.bind(paths["packets"])
        abstract = listeners.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0enginehouse-test-{os.getpid()}")
        abstract.listen()
        for path in paths.values():
            Path(path).chmod(0o777)
        segment = LIBC.shmget(0, 4096, 0o1600)
        listeners.callback(LIBC.shmctl, segment, 0, None)
        shared = Path("/dev/shm") / f"enginehouse-test-{os.getpid()}"
        yield {
            "data": str(data),
            "secret": str(data / "admin-password"),
            "database": str(data / "enginehouse.db"),
            "outside": str(tmp_path),
            "packages": str(tmp_path / "packages"),
            "shared": str(shared),
            "segment": segment,
            "server": victim,
            "keeper": keeper.pid,
            "port": tcp.getsockname()[1],
            "abstract": f"enginehouse-test-{os.getpid()}",
            "udp": udp,
            **paths,
        }
        shared.unlink(missing_ok=True)


async def attempt(house: House, targets: dict[str, Any], *names: str, engine: str = "probe") -> dict[str, str]:
    """Returns what came of the attempts, by name."""
    payload = {name: value for name, value in targets.items() if name != "udp"} | {"attempts": names}
    online = engine == "online"
    stored = house.folder / "stored"
    stored.write_text("input")
    chunk = Chunk(path=stored, media_type="text/plain", size=5)
    probe = spec(engine, entry_point=f"probes:{engine}", network=online)
    (output,) = await house.call(probe, payload, inputs=(chunk,))
    assert stored.read_text() == "input"
    results: dict[str, str] = json.loads(output.data or b"")
    return results


async def test_an_engine_reaches_nothing_of_the_server(
    house: House, targets: dict[str, Any], level: SandboxLevel, data: Path, victim: int
) -> None:
    results = await attempt(house, targets, *probes.ATTEMPTS)
    done = {name for name, result in results.items() if result == "done"}
    assert done - OPEN_AT.get(level, set()) - OWN.get(level, set()) == set()
    assert untouched(data)
    assert alive(victim)
    assert not exists(f"{targets['outside']}/x")
    assert not exists(f"{targets['packages']}/mine.py")
    assert level is SandboxLevel.UID or not exists(targets["shared"])
    with pytest.raises(BlockingIOError):
        targets["udp"].recv(1)


async def test_without_a_sandbox_the_same_attempts_succeed(
    keeper: Keeper, tmp_path: Path, targets: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts are real: where nothing keeps an engine, it reads, signals and connects."""
    monkeypatch.syspath_prepend(HERE)
    (tmp_path / "packages").mkdir()
    children = ChildPool(keeper, tmp_path, slots=1)
    names = ["read a password", "read the environment of the server", "connect to a path", "connect to this machine"]
    names += ["list the data folder", "link a foreign file", "connect to an abstract name", "send to a path"]
    names += ["attach to memory of another", "change an input", "write beside the packages", "send a packet"]
    results = await attempt(House(keeper, children, tmp_path), targets, *names, "kill the server")
    await children.close()
    assert set(results.values()) == {"done"}


async def test_an_engine_with_network_reaches_addresses_and_no_local_services(
    house: House, targets: dict[str, Any]
) -> None:
    names = ("connect to this machine", "connect to a path", "connect to an abstract name", "send to a path")
    results = await attempt(house, targets, *names, "read a password", engine="online")
    assert {name for name, result in results.items() if result == "done"} == {"connect to this machine"}


async def test_the_environment_is_the_same_short_list_at_every_level(house: House) -> None:
    (output,) = await house.call(spec("probe", entry_point="probes:probe"), "environment")
    assert output.data is not None
    assert b"secret" not in output.data
    allowed = {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "HOME",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "ENGINEHOUSE_CHILD",
        "PWD",
    }
    assert {name for name in json.loads(output.data) if not name.startswith("PYTHON")} <= allowed


async def test_ordinary_work_goes_on(house: House, tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_text("input")
    stored.chmod(0o600)
    chunk = Chunk(path=stored, media_type="text/plain", size=5)
    for _ in range(2):  # a warm child pays once
        (output,) = await house.call(spec("probe", entry_point="probes:probe"), "ordinary", inputs=(chunk,))
        assert output.path is not None
        assert output.path.read_text() == "input program process"
    assert stored.read_text() == "input"


async def test_an_output_is_a_file_of_the_engine(house: House) -> None:
    """What an engine may do differs with the level. What is taken does not: test_workspace.py tries every path."""
    for path in ("link", "second name"):
        with pytest.raises(EngineFailure, match="not a file in its working folder"):
            await house.call("good", {"path": path})


@pytest.mark.parametrize("mood", FAILURES if THOROUGH else BY_LEVEL)
async def test_a_failure_has_its_reason_and_leaves_nothing(house: House, mood: str) -> None:
    await fail(house, mood, killed="ended by SIGKILL")


async def test_bubblewrap_gives_an_engine_a_system_of_its_own(house: House, level: SandboxLevel) -> None:
    if level is not SandboxLevel.BWRAP:
        pytest.skip("the other levels share the system with the server")
    for engine, shared in (("probe", set()), ("online", {"net"})):
        probe = spec(engine, entry_point=f"probes:{engine}", network=engine == "online")
        (output,) = await house.call(probe, "inside")
        seen = json.loads(output.data or b"")
        ours = probes.namespaces()
        own = ("user", "pid", "ipc", "uts", "mnt", "net")
        assert {name for name in own if seen["namespaces"][name] == ours[name]} == shared
        assert seen["user"] == [65534, 65534]
        assert {int(word, 16) for word in seen["capabilities"]} == {0}
        assert seen["host"] == "engine"
        assert seen["bytes"] == {"/tmp": 256 << 20, "/dev/shm": 256 << 20}


async def test_nothing_outlives_a_killed_keeper(
    level: SandboxLevel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other keeper starts here, so only the kernel ends what the killed one had started."""
    monkeypatch.syspath_prepend(HERE)
    keeper = Keeper.start()
    house = House(keeper, ChildPool(keeper, folder, slots=1, sandbox=Sandbox(level)), tmp_path)
    call = asyncio.create_task(house.call("moody", "ignore_sigterm", seconds=60))
    await until(house.log.exists)
    os.kill(keeper.pid, signal.SIGKILL)
    with pytest.raises(EngineFailure, match="keeps the engines vanished"):
        await call
    await until(lambda: not processes.with_marker(keeper.owner))
    await house.children.close()
    keeper.close()


async def test_a_cancelled_engine_has_its_grace_and_is_gone(house: House) -> None:
    for mood in ("hang", "ignore_sigterm"):
        call = asyncio.create_task(house.call("moody", mood, seconds=60, grace=3600 if mood == "hang" else 0.2))
        await until(house.log.exists)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert house.alive() == []
        house.log.unlink()


async def test_on_kernels_that_do_not_keep_signals_and_lengths_the_filter_does(data: Path, victim: int) -> None:
    """The filter of an older kernel, in a process of its own."""
    assert machine() is not None
    program = (
        "import os, sys\n"
        "from enginehouse.engines.sandbox import seccomp\n"
        "from enginehouse.engines.sandbox.syscalls import machine\n"
        "rules = {'network': False, 'unix': False, 'shares': True, 'signals': False, 'lengths': False}\n"
        "seccomp.install(seccomp.program(machine(), **rules))\n"
        "os.kill(os.getpid(), 0)\n"
        "pid, path = int(sys.argv[1]), sys.argv[2]\n"
        "attempts = [lambda other=other: os.kill(other, 0) for other in (pid, -1, -pid, 0)]\n"
        "for attempt in (*attempts, lambda: os.truncate(path, 0)):\n"
        "    try:\n        attempt()\n"
        "    except PermissionError:\n        print('refused')\n"
    )
    command = [sys.executable, "-c", program, str(victim), str(data / "enginehouse.db")]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 5
    assert alive(victim)
    assert untouched(data)


def test_a_folder_around_the_data_folder_is_opened_without_it(tmp_path: Path) -> None:
    for name in ("a", "b/data/x", "b/models", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "to data").symlink_to(tmp_path / "b" / "data")
    paths = list(system.without([str(tmp_path)], [tmp_path / "b" / "data"]))
    assert paths == [str(tmp_path / name) for name in ("a", "b/models", "c")]
    assert list(system.without([str(tmp_path / "b" / "data" / "x")], [tmp_path / "b" / "data"])) == []


async def test_what_an_operator_opens_is_open_and_nothing_else_of_that_folder(
    keeper: Keeper, level: SandboxLevel, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder around the data folder is opened: without the data folder."""
    if level is SandboxLevel.UID:
        pytest.skip("another user reads and writes by the rules of the system")
    monkeypatch.syspath_prepend(HERE)
    models = prepare_models(tmp_path)
    sandbox = Sandbox(level, read=(models,), write=(tmp_path,), hidden=(data,))
    children = ChildPool(keeper, data, slots=1, sandbox=sandbox)
    at = {"data": str(data), "database": str(data / "enginehouse.db"), "outside": str(models / "cache")}
    house = House(keeper, children, tmp_path)
    results = await attempt(
        house, at | {"secret": str(models / "weights")}, "read a password", "write where others read"
    )
    assert set(results.values()) == {"done"}
    results = await attempt(
        house, at | {"secret": str(data / "admin-password")}, "read a password", "read the database"
    )
    await children.close()
    assert "done" not in results.values()


def prepare_models(folder: Path) -> Path:
    models = folder / "models"
    (models / "cache").mkdir(parents=True)
    (models / "weights").write_text("weights")
    return models


def test_auto_is_the_strictest_level_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "missing", lambda: None)
    assert choose("auto") is SandboxLevel.BWRAP
    monkeypatch.setattr(bubblewrap, "missing", lambda: "bubblewrap is not installed")
    monkeypatch.setattr(landlock, "version", lambda: 7)
    assert choose("auto") is SandboxLevel.LANDLOCK
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose("auto") is SandboxLevel.NONE
    for wanted, why in (("bwrap", "not installed"), ("landlock", "no Landlock"), ("uid", "not root")):
        with pytest.raises(SandboxMissing, match=why):
            choose(wanted)


def test_every_jump_of_the_filter_lands_inside_it() -> None:
    known = machine()
    assert known is not None
    for network, unix, shares, signals, lengths in product((True, False), repeat=5):
        lines = seccomp.program(known, network=network, unix=unix, shares=shares, signals=signals, lengths=lengths)
        for at, (_, true, false, _) in enumerate(lines):
            assert at + 1 + max(true, false) < len(lines) or at == len(lines) - 1
            assert max(true, false) < 256
