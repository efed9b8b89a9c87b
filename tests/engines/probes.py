"""An engine that tries to reach what is not its own. The children load it as `probes:probe`."""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enginehouse.engine import EngineKind, EngineSpec, Output, Work

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_ssize_t


class Refused(Exception):
    """The system has refused an attempt."""


def call(result: int) -> int:
    if result < 0:
        raise Refused(os.strerror(ctypes.get_errno()))
    return result


def signal_over_descriptor(pid: int) -> None:
    with os.fdopen(os.pidfd_open(pid), "rb") as process:
        signal.pidfd_send_signal(process.fileno(), signal.SIGKILL)


def write_memory(pid: int) -> None:
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    os.close(descriptor)


def connect(family: int, kind: int, address: Any) -> None:
    with socket.socket(family, kind) as connection:
        connection.settimeout(2)
        connection.connect(address)
        connection.send(b"x")


def connect_pair(path: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.connect(path)
        ours.send(b"x")


def change_mode(path: str) -> None:
    """The mode of a foreign file is another. A call without effect counts as refused."""
    before = Path(path).stat().st_mode
    Path(path).chmod(0o777)
    if Path(path).stat().st_mode == before:
        raise Refused("nothing happened")


def set_time(path: str) -> None:
    os.utime(path, (1, 1))
    if Path(path).stat().st_mtime != 1:
        raise Refused("nothing happened")


def new_namespace_by_clone() -> None:
    pid = call(LIBC.syscall(56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0))
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def listed(folder: str, name: str) -> None:
    if name not in [entry.name for entry in Path(folder).iterdir()]:
        raise Refused("it is another folder")


def follow(path: str) -> None:
    Path("a link").symlink_to(path)
    Path("a link").read_text()


def become_root() -> None:
    os.setuid(0)
    Path("/etc/shadow").read_text()


def shell(line: str) -> None:
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.decode())


# What no engine may do, by name. Each takes what the test has prepared.
ATTEMPTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "read a password": lambda at: Path(at["secret"]).read_text(),
    "read it in another program": lambda at: shell(f"cat {at['secret']}"),
    "read the database": lambda at: os.close(os.open(at["database"], os.O_RDONLY)),
    "list the data folder": lambda at: listed(at["data"], "admin-password"),
    "write into the data folder": lambda at: Path(at["data"], "mine").write_text("x"),
    "truncate the database": lambda at: os.truncate(at["database"], 0),
    "remove the database": lambda at: Path(at["database"]).unlink(),
    "rename the data folder": lambda at: Path(at["data"]).rename(at["data"] + "2"),
    "change a mode": lambda at: change_mode(at["secret"]),
    "change a time": lambda at: set_time(at["secret"]),
    "give a file an attribute": lambda at: os.setxattr(at["secret"], "user.x", b"x"),
    "link a foreign file": lambda at: os.link(at["secret"], "mine"),
    "follow a link": lambda at: follow(at["secret"]),
    "read the shadow file": lambda at: Path("/etc/shadow").read_text(),
    "write where others read": lambda at: Path(at["outside"], "x").write_text("x"),
    "write to the shared memory": lambda at: Path(at["shared"]).write_text("x") and Path(at["shared"]).read_text(),
    "attach to memory of another": lambda at: call(LIBC.shmat(at["segment"], None, 0)),
    "change an input": lambda at: os.close(os.open(at["input"], os.O_RDWR)),
    "write beside the packages": lambda at: Path(at["packages"], "mine.py").write_text("x"),
    "read the environment of the server": lambda at: Path(f"/proc/{at['server']}/environ").read_bytes()[0],
    "read the environment of the keeper": lambda at: Path(f"/proc/{at['keeper']}/environ").read_bytes()[0],
    "read the command of the server": lambda at: Path(f"/proc/{at['server']}/cmdline").read_bytes()[0],
    "reach the files of the server": lambda at: list(Path(f"/proc/{at['server']}/root").iterdir()),
    "open the memory of the server": lambda at: write_memory(at["server"]),
    "trace the server": lambda at: call(LIBC.ptrace(16, at["server"], 0, 0)),
    "seize the server": lambda at: call(LIBC.ptrace(0x4206, at["server"], 0, 0)),
    "kill the server": lambda at: os.kill(at["server"], signal.SIGKILL),
    "kill the keeper": lambda at: os.kill(at["keeper"], 0),
    "kill a group": lambda at: os.killpg(at["server"], signal.SIGKILL),
    "kill over a descriptor": lambda at: signal_over_descriptor(at["server"]),
    "limit the server": lambda at: resource.prlimit(at["server"], resource.RLIMIT_CPU, (1, 1)),
    "slow the server down": lambda at: os.setpriority(os.PRIO_PROCESS, at["server"], 19),
    "tie the server to a processor": lambda at: os.sched_setaffinity(at["server"], {0}),
    "connect to this machine": lambda at: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", at["port"])),
    "send a packet": lambda at: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", at["port"])),
    "reach the metadata": lambda at: connect(socket.AF_INET, socket.SOCK_DGRAM, ("169.254.169.254", 80)),
    "connect to a path": lambda at: connect(socket.AF_UNIX, socket.SOCK_STREAM, at["socket"]),
    "connect to an abstract name": lambda at: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + at["abstract"]),
    "send to a path": lambda at: connect_pair(at["packets"]),
    "make a namespace": lambda at: call(LIBC.unshare(0x10000000)),
    "make one by clone": lambda at: new_namespace_by_clone(),
    "mount": lambda at: call(LIBC.mount(b"none", os.fsencode(Path.cwd()), b"tmpfs", 0, None)),
    "change the root": lambda at: call(LIBC.chroot(os.fsencode(Path.cwd()))),
    "load a program into the kernel": lambda at: call(LIBC.syscall(321, 0, 0, 0)),
    "queue calls past the filter": lambda at: call(LIBC.syscall(425, 1, ctypes.create_string_buffer(120))),
    "become root": lambda at: become_root(),
}


@dataclass
class Probe:
    network: bool = False

    @property
    def spec(self) -> EngineSpec:
        return EngineSpec(id="probe", name="probe", category_id="test", kind=EngineKind.PYTHON, network=self.network)

    def process(self, work: Work) -> list[Output]:
        """Returns what happened for each attempt: "done", or why not."""
        if work.payload == "environment":
            return [Output(media_type="application/json", data=json.dumps(dict(os.environ)).encode())]
        if work.payload == "ordinary":
            return ordinary(work)
        if work.payload == "inside":
            return [Output(media_type="application/json", data=json.dumps(inside()).encode())]
        at = work.payload | {"input": str(work.inputs[0].path)}
        results = {}
        for name in work.payload["attempts"]:
            try:
                ATTEMPTS[name](at)
                results[name] = "done"
            except (OSError, Refused) as error:
                results[name] = f"{type(error).__name__}: {error}"
        return [Output(media_type="application/json", data=json.dumps(results).encode())]


def namespaces() -> dict[str, str]:
    """Returns the namespaces of this process by name."""
    return {path.name: str(path.readlink()) for path in Path("/proc/self/ns").iterdir()}


def inside() -> dict[str, Any]:
    """Returns what an engine sees of its own process and machine."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    sizes = {folder: os.statvfs(folder) for folder in ("/tmp", "/dev/shm")}
    return {
        "namespaces": namespaces(),
        "user": [os.getuid(), os.getgid()],
        "capabilities": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")],
        "host": socket.gethostname(),
        "bytes": {folder: size.f_blocks * size.f_frsize for folder, size in sizes.items()},
        "home": os.environ["HOME"],
    }


def ordinary(work: Work) -> list[Output]:
    """Does what engines do: temporary files, programs, processes, threads, copies, locks, large files, host facts."""
    import multiprocessing  # noqa: PLC0415
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415
    import threading  # noqa: PLC0415

    [chunk] = work.inputs
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy2(chunk.path, Path(folder, "copy"))
        text = Path(folder, "copy").read_text()
        Path(folder, "copy").rename(Path(folder, "moved"))
    done = subprocess.run(["/bin/sh", "-c", "echo program"], capture_output=True, check=True, text=True)
    thread = threading.Thread(target=os.getpid)
    thread.start()
    thread.join()
    reader, writer = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=writer.send, args=("process",))
    process.start()
    words = [text, done.stdout.strip(), reader.recv()]
    process.join()
    sleeper = subprocess.Popen(["sleep", "60"])
    sleeper.kill()
    sleeper.wait()
    assert Path("/proc/meminfo").read_text()
    assert Path("/proc/self/status").read_text()
    assert os.urandom(4)
    Path("/dev/null").write_text("x")
    assert "ssl" in sys.modules or __import__("ssl").create_default_context()
    (work.directory / "result").mkdir()
    result = work.directory / "result" / "out.txt"
    result.write_text(" ".join(words))
    return [Output(media_type="text/plain", path=result)]


probe = Probe()
online = Probe(network=True)
