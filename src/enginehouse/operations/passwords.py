"""Hashes and verifies passwords."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from enginehouse.domain.errors import Problem

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
