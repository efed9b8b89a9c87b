"""Hashes and verifies passwords, and limits failed logins."""

import asyncio
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from enginehouse.domain.errors import CapacityExceeded, Problem

SHORTEST: Final = 8
LONGEST: Final = 1024

# 19 MiB and two passes are OWASP's minimum. Two threads bound the load of many sign-ins on the machine.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


def new_password() -> str:
    return secrets.token_urlsafe(18)


def problems(password: str, path: str = "password") -> list[Problem]:
    """Returns what is wrong with a new password. The text never repeats it."""
    if len(password) < SHORTEST:
        return [Problem(path, f"must have at least {SHORTEST} characters.")]
    if len(password) > LONGEST:
        return [Problem(path, f"must have at most {LONGEST} characters.")]
    return []


async def hashed(password: str) -> str:
    """Returns the argon2id hash, computed outside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, _octets(password))


async def verified(password_hash: str | None, password: str) -> bool:
    """True if the password matches the hash. Without a hash it does the same work and returns False."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _verify, password_hash, password[: LONGEST + 1])


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        _HASHER.verify(password_hash or _nobodys_hash(), _octets(password))
    except VerificationError:
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_bytes(32))


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


@dataclass(slots=True)
class FailedLogins:
    """The number of failed logins of each name in the current minute, also for names without a user."""

    allowed: int = 20
    seconds: float = 60.0
    limit: int = 10_000
    _tries: dict[str, tuple[int, float]] = field(default_factory=dict, repr=False)

    def check(self, name: str) -> None:
        """Raises CapacityExceeded with `retry_after` in seconds if the name has used up its tries."""
        count, until = self._tries.get(name, (0, 0.0))
        left = until - time.monotonic()
        if count >= self.allowed and left > 0:
            raise CapacityExceeded(
                f"Too many failed logins for this user; try again in {int(left) + 1} seconds.",
                retry_after=int(left) + 1,
            )

    def note(self, name: str) -> None:
        now = time.monotonic()
        count, until = self._tries.pop(name, (0, 0.0))
        if until <= now:
            count, until = 0, now + self.seconds
        if len(self._tries) >= self.limit:
            # The oldest entry is the first: many invented names push out old entries, and memory stays bounded.
            del self._tries[next(iter(self._tries))]
        self._tries[name] = (count + 1, until)

    def clear(self, name: str) -> None:
        self._tries.pop(name, None)
