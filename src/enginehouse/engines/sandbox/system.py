"""What every engine may read of the system: its programs and libraries."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/gnu", "/nix/store")
# Not all of /etc: a server that is root could read the passwords there.
_ETC: Final = """
    alternatives ca-certificates debian_version fonts gai.conf group host.conf hosts ImageMagick-6 ImageMagick-7
    ld.so.cache ld.so.conf ld.so.conf.d locale.alias locale.conf localtime magic magic.mime mime.types nsswitch.conf
    OpenCL os-release passwd pki/ca-trust pki/tls/certs protocols python3 resolv.conf services ssl/certs
    ssl/openssl.cnf timezone vulkan
    """
KERNEL: Final = ("/sys/devices/system", "/sys/fs/cgroup", "/sys/module", "/sys/class/drm", "/sys/dev/char")
PROCESS: Final = tuple(
    f"/proc/{name}" for name in ("self", "cpuinfo", "meminfo", "stat", "loadavg", "filesystems", "version", "sys")
)
DEVICES: Final = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))


def readable(more: Iterable[str] = ()) -> Iterator[str]:
    """Yields the files and folders that exist, and those of `more`, without those of the kernel."""
    for path in dict.fromkeys([*_SYSTEM, *(f"/etc/{name}" for name in _ETC.split()), *more]):
        if Path(path).exists():
            yield path


def accelerators() -> list[str]:
    """Returns the devices of graphics processors."""
    names = ("nvidia*", "dri", "kfd", "accel*")
    return sorted(str(path) for name in names for path in Path("/dev").glob(name))


def without(paths: Iterable[str], hidden: Iterable[Path]) -> Iterator[str]:
    """Yields the paths, or what is below them, so that nothing hidden is among or below the results."""
    secrets = [path.resolve() for path in hidden]
    for path in paths:
        yield from _apart(Path(path), secrets)


def _apart(path: Path, secrets: list[Path]) -> Iterator[str]:
    real = path.resolve()
    if any(real.is_relative_to(secret) for secret in secrets):
        return
    if not any(secret.is_relative_to(real) for secret in secrets):
        yield str(path)
        return
    for below in sorted(real.iterdir()):
        yield from _apart(below, secrets)
