"""Engines that misbehave. The children load them as `misbehaving:<name>`."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, FailureKind, Output, Work


@dataclass
class Engine:
    process: Callable[[Work], Any]

    @property
    def spec(self) -> EngineSpec:
        name = self.process.__name__
        return EngineSpec(
            id=name, name=name, category_id="test", kind=EngineKind.PYTHON, entry_point=f"{__name__}:{name}"
        )


def text(content: str) -> list[Output]:
    return [Output(media_type="text/plain", data=content.encode())]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def forever() -> NoReturn:
    while True:
        time.sleep(3600)


def connection_to_server() -> socket.socket:
    return socket.socket(fileno=os.dup(int(sys.argv[-1])))


def daemonize() -> bool:
    """Returns True in a process that has left its parent, its session and its group."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


def odd_files() -> Path:
    """Returns a folder with everything that may not be an output."""
    folder = Path.cwd()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "fifo")
    (folder / "file").write_text("mine")
    os.link(folder / "file", folder / "second name")
    return folder


@Engine
def good(work: Work) -> list[Output]:
    """Returns what `payload` requests: the environment, the input, a number of bytes, a file, by default the pid."""
    match work.payload:
        case {"print": line}:
            say(line)
        case {"size": int(size)}:
            return [Output(media_type="text/plain", data=b"x" * size)]
        case {"file": name}:
            Path(name).write_text("in the working folder")
            return [Output(media_type="text/plain", path=Path(name), metadata={"n": [1, None]})]
        case {"path": path}:
            return [Output(media_type="text/plain", path=odd_files() / path)]
        case {"outputs": int(number)}:
            return [Output(media_type="text/plain", data=b"")] * number
        case "folder":
            return text(repr((str(Path.cwd()), [*map(str, Path.cwd().iterdir())])))
        case "environment":
            return text(repr(dict(os.environ)))
        case "descriptors":
            return text("\n".join(str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists()))
        case "inputs":
            return text("".join(chunk.path.read_text() for chunk in work.inputs))
    return text(str(os.getpid()))


@Engine
def moody(work: Work) -> Any:
    """Does what its payload says. Without a payload it returns its process id."""
    return MOODS[work.payload](work) if work.payload else text(str(os.getpid()))


def hang(work: Work) -> NoReturn:
    say("hanging")
    forever()


def ignore_sigterm(work: Work) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("ignoring")
    forever()


def stop_itself(work: Work) -> list[Output]:
    os.kill(os.getpid(), signal.SIGSTOP)
    return []


def forks_and_hangs(work: Work) -> NoReturn:
    os.fork()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forever()


def daemon_and_hangs(work: Work) -> NoReturn:
    if daemonize():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forever()


def daemon_and_dies(work: Work) -> NoReturn:
    if daemonize():
        forever()
    os._exit(7)


def hopping_and_hangs(work: Work) -> NoReturn:
    """Runs in a new process every moment."""
    if daemonize():
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
            time.sleep(0.002)
    forever()


def renames_itself(work: Work) -> NoReturn:
    """Has a name that is not text, where the keeper reads names."""
    ctypes.CDLL(None).prctl(15, b"\xff\xfe bwrap")
    forever()


def raises(work: Work) -> NoReturn:
    raise ValueError("no luck today")


def refuses(work: Work) -> NoReturn:
    raise EngineFailure("the picture is upside down", FailureKind.INVALID_DATA, is_final=True, retry_after=7)


def blames_the_server(work: Work) -> NoReturn:
    raise EngineFailure("the server has stopped", FailureKind.SERVER_STOPPED)


def lacks_a_package(work: Work) -> NoReturn:
    raise ModuleNotFoundError("No module named 'langid'", name="langid.models")


def exits(work: Work) -> NoReturn:
    sys.exit(3)


def exits_zero(work: Work) -> NoReturn:
    os._exit(0)


def crashes(work: Work) -> int:
    return ctypes.string_at(0)[0]


def killed(work: Work) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    forever()


def hangs_up(work: Work) -> NoReturn:
    connection_to_server().shutdown(socket.SHUT_RDWR)
    forever()


def huge_frame(work: Work) -> NoReturn:
    connection_to_server().sendall(b"\xff\xff\xff\xff")
    forever()


def noise(work: Work) -> NoReturn:
    connection_to_server().sendall(b"\x00\x00\x00\x04\xc1\xc1\xc1\xc1")
    forever()


def deep_frame(work: Work) -> NoReturn:
    body = b"\x91" * 200_000
    connection_to_server().sendall(len(body).to_bytes(4, "big") + body)
    forever()


def made_up_answer(work: Work) -> list[Output]:
    from enginehouse.engines import frames  # noqa: PLC0415

    connection_to_server().sendall(frames.encode(frames.OutputsReply(999, []), frames.REPLY_LIMIT))
    return []


def a_string(work: Work) -> str:
    return "done"


def nothing(work: Work) -> None:
    return None


def a_dictionary_inside(work: Work) -> list[Any]:
    return [{"media_type": "text/plain"}]


def wrong_types(work: Work) -> list[Output]:
    return [Output(media_type=5, data=b"x")]  # type: ignore[arg-type]


def neither_data_nor_path(work: Work) -> list[Output]:
    return [Output(media_type="text/plain")]


def unsendable(work: Work) -> list[Output]:
    return [Output(media_type="text/plain", data=b"", metadata={"x": object()})]


def endless_metadata(work: Work) -> list[Output]:
    inside: dict[str, Any] = {}
    inside["inside"] = inside
    return [Output(media_type="text/plain", data=b"", metadata=inside)]


def eats_at_once(work: Work) -> list[Output]:
    return [Output(media_type="text/plain", data=bytes(1 << 40))]


def eats_steadily(work: Work) -> NoReturn:
    held = []
    while True:
        held.append(b"x" * (4 << 20))
        time.sleep(0.002)


def eats_in_a_grandchild(work: Work) -> NoReturn:
    if daemonize():
        eats_steadily(work)
    forever()


def fills_the_disk(work: Work) -> NoReturn:
    """Writes files that are each smaller than the limit, half of them without a name."""
    held = []
    for number in count():
        with Path(f"file-{number}").open("wb") as file:
            file.write(bytes(4 << 20))
            if number % 2:
                held.append(os.dup(file.fileno()))
                Path(file.name).unlink()
        time.sleep(0.01)
    forever()


def digs_deep(work: Work) -> NoReturn:
    """Makes folders inside folders, deeper than a path can name."""
    for _ in range(3000):
        Path("d").mkdir()
        os.chdir("d")
    forever()


def fills_memory_with_files(work: Work) -> NoReturn:
    held = []
    for number in range(100):
        held.append(os.memfd_create(f"file-{number}"))
        os.write(held[-1], bytes(4 << 20))
        time.sleep(0.01)
    forever()


def writes_one_long_file(work: Work) -> NoReturn:
    with Path("long").open("wb") as file:
        while True:
            file.write(bytes(4 << 20))


def many_processes(work: Work) -> NoReturn:
    while True:
        if not os.fork():
            forever()


MOODS: dict[str, Callable[[Work], Any]] = {
    f.__name__: f
    for f in (
        *(
            hang,
            renames_itself,
            ignore_sigterm,
            stop_itself,
            forks_and_hangs,
            daemon_and_hangs,
            daemon_and_dies,
            hopping_and_hangs,
        ),
        *(raises, refuses, blames_the_server, lacks_a_package, exits, exits_zero, crashes, killed, hangs_up),
        *(huge_frame, noise, deep_frame, made_up_answer, a_string, nothing, a_dictionary_inside, wrong_types),
        *(neither_data_nor_path, unsendable, endless_metadata),
        *(eats_at_once, eats_steadily, eats_in_a_grandchild, many_processes),
        *(fills_the_disk, digs_deep, fills_memory_with_files, writes_one_long_file),
    )
}


@Engine
def flood(work: Work) -> list[Output]:
    """Prints a gigabyte without a line end, then a last line."""
    block = b"y" * (1 << 20)
    say("first line")
    for _ in range(1024):
        os.write(1, block)
    say("\nlast line")
    return []


@Engine
def closes_output(work: Work) -> list[Output]:
    sys.stdout.close()
    os.close(1)
    os.close(2)
    return text(str(os.getpid()))


@Engine
def leaves_a_writer(work: Work) -> list[Output]:
    """Returns, and leaves a process in its own session that would go on writing to the output and the log."""
    target = work.directory / "out.txt"
    target.write_text("whole")
    if daemonize():
        while True:
            with target.open("a") as file:
                file.write("late")
            os.write(1, b"late")
            time.sleep(0.01)
    return [Output(media_type="text/plain", path=target)]


@Engine
def leaves_a_pipe_holder(work: Work) -> list[Output]:
    subprocess.Popen(["sleep", "3600"])
    return text(str(os.getpid()))


@Engine
def fork_returns(work: Work) -> list[Output]:
    """Both sides of the fork return from the engine."""
    me = os.getpid()
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    return text("the engine" if os.getpid() == me else "its fork")
