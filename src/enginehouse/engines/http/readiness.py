"""Asks an engine whether it takes work: `GET ready` (engine-contract a.1, a.7)."""

import asyncio
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.engine import EngineAddress
from enginehouse.engines.http.client import AddressRefused, Broken, HttpClient, NotReached

SECONDS: Final = 5.0  # for one answer


@dataclass(frozen=True, slots=True)
class EngineReadiness:
    """`reason` is None if the engine takes work. `given_up`: the engine says that it will not, so do not ask often."""

    reason: str | None = None
    given_up: bool = False


async def ask(client: HttpClient, address: EngineAddress) -> EngineReadiness:
    """Returns the engine's answer: 200 is yes, 500 is never, and anything else is not yet."""
    try:
        async with asyncio.timeout(SECONDS), client.get(address.ready_url, private=address.private) as answer:
            status = answer.status
    except TimeoutError:
        return EngineReadiness(f"GET {address.ready} had no answer within {SECONDS:g} s")
    except (NotReached, Broken) as trouble:
        return EngineReadiness(str(trouble))
    except AddressRefused as refused:
        return EngineReadiness(str(refused), given_up=True)
    if status == 200:
        return EngineReadiness()
    if status == 500:
        return EngineReadiness(f"GET {address.ready} answered 500, which means that it gives up", given_up=True)
    return EngineReadiness(f"GET {address.ready} answered {status}, not 200")
