"""The command of an engine inside bubblewrap: its own namespaces, and a file system with only what it needs."""

import shutil
import subprocess
from collections.abc import Iterable
from typing import Final

from enginehouse.engines.sandbox import system

NAME: Final = "bwrap"
_NOBODY: Final = "65534"
_MEMORY_FILES: Final = str(256 << 20)  # bytes in each folder that is in memory
_SECONDS: Final = 10.0


def missing() -> str | None:
    """Returns why bubblewrap cannot be used here, None if it can."""
    program = shutil.which(NAME)
    if program is None:
        return "bubblewrap is not installed"
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            command(["/bin/true"], read=system.readable(), write=[], network=False),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    if done.returncode:
        return f"bubblewrap cannot be used here: {done.stderr.decode(errors='replace').strip()[:200]}"
    return None


def command(
    inside: list[str], *, read: Iterable[str], write: Iterable[str], network: bool, folder: str = "/"
) -> list[str]:
    """Returns the command that runs `inside` in the sandbox."""
    words = [shutil.which(NAME) or NAME, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", *([] if network else ["--unshare-net"]), "--die-with-parent"]
    words += ["--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL", "--hostname", "engine"]
    words += ["--proc", "/proc", "--dev", "/dev"]
    for memory in ("/dev/shm", "/tmp"):  # noqa: S108 -- its own
        words += ["--size", _MEMORY_FILES, "--tmpfs", memory]
    for device in system.accelerators():
        words += ["--dev-bind-try", device, device]
    for path in (*read, *system.KERNEL):
        words += ["--ro-bind-try", path, path]
    for path in write:
        words += ["--bind", path, path]
    return [*words, "--chdir", folder, "--", *inside]
