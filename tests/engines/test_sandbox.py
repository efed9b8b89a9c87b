"""Engines are not the server: at every level they reach only what is theirs, and ordinary work goes on."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.engines import probes
from tests.engines.test_child_pool import FAILURES, TIMED_OUT, House, alive, keeper, spec, until

from enginehouse.engine import Chunk, EngineFailure
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox import bubblewrap, landlock, seccomp, system
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, SandboxMissing, choose, missing
from enginehouse.engines.sandbox.syscalls import machine

HERE = Path(__file__).parent
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
    if why := missing(found):
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
    monkeypatch.syspath_prepend(HERE)
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
        shared = Path("/dev/shm") / f"enginehouse-test-{os.getpid()}"
        yield {
            "data": str(data),
            "secret": str(data / "admin-password"),
            "database": str(data / "enginehouse.db"),
            "outside": str(tmp_path),
            "shared": str(shared),
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
    (output,) = await house.call(spec(engine, entry_point=f"probes:{engine}", network=online), payload)
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
    assert level is SandboxLevel.UID or not exists(targets["shared"])
    with pytest.raises(BlockingIOError):
        targets["udp"].recv(1)


async def test_without_a_sandbox_the_same_attempts_succeed(
    keeper: Keeper, tmp_path: Path, targets: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempts are real: where nothing keeps an engine, it reads, signals and connects."""
    monkeypatch.syspath_prepend(HERE)
    children = ChildPool(keeper, tmp_path, slots=1)
    names = ["read a password", "read the environment of the server", "connect to a path", "connect to this machine"]
    names += ["list the data folder", "link a foreign file", "connect to an abstract name", "send to a path"]
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


@pytest.mark.parametrize("path", ["/etc/passwd", "link", "folder/passwd", "fifo", "second name", "missing"])
async def test_an_output_is_a_file_of_the_engine(house: House, path: str) -> None:
    with pytest.raises(EngineFailure, match="not a file in its working folder"):
        await house.call("good", {"path": path})


@pytest.mark.parametrize("mood", FAILURES)
async def test_a_failure_has_its_reason_and_leaves_nothing(house: House, mood: str) -> None:
    kind, sentence = FAILURES[mood]
    seconds = 0.3 if sentence == TIMED_OUT else 15.0
    with pytest.raises(EngineFailure, match=sentence if mood != "killed" else "ended by SIGKILL") as caught:
        await house.call("moody", mood, seconds=seconds, memory_mb=2048 if mood == "many_processes" else 128)
    assert caught.value.kind is kind
    assert house.alive() == []


async def test_a_cancelled_engine_has_its_grace_and_is_gone(house: House) -> None:
    for mood in ("hang", "ignore_sigterm"):
        call = asyncio.create_task(house.call("moody", mood, seconds=60, grace=3600 if mood == "hang" else 0.2))
        await until(house.log.exists)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert house.alive() == []
        house.log.unlink()


async def test_on_kernels_that_do_not_keep_signals_the_filter_does(
    house: House, targets: dict[str, Any], level: SandboxLevel, victim: int
) -> None:
    """The filter of an older kernel, in a process of its own."""
    known = machine()
    assert known is not None
    program = (
        "import os, sys\n"
        "from enginehouse.engines.sandbox import seccomp\n"
        "from enginehouse.engines.sandbox.syscalls import machine\n"
        "seccomp.install(seccomp.program(machine(), network=False, unix=False, shares=True, signals=False))\n"
        "os.kill(os.getpid(), 0)\n"
        "for pid in (int(sys.argv[1]), -1, -int(sys.argv[1]), 0):\n"
        "    try:\n        os.kill(pid, 0)\n"
        "    except PermissionError:\n        print('refused')\n"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(victim)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["refused"] * 4
    assert alive(victim)


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
    for flags in range(16):
        network, unix, shares, signals = (bool(flags & bit) for bit in (1, 2, 4, 8))
        lines = seccomp.program(known, network=network, unix=unix, shares=shares, signals=signals)
        for at, (_, true, false, _) in enumerate(lines):
            assert at + 1 + max(true, false) < len(lines) or at == len(lines) - 1
            assert max(true, false) < 256
