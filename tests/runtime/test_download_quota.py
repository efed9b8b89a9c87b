"""What the attempts of an organization read from URLs within an hour is bounded, and is counted by organization."""

from collections.abc import AsyncIterator

import pytest

from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure
from enginehouse.runtime.download_quota import DownloadQuota

MB = 1 << 20


async def body(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield bytes(MB)


async def read(quota: DownloadQuota, organization_id: int, megabytes: int) -> int:
    """Returns the megabytes that arrived."""
    arrived = 0
    try:
        async for block in quota.metered(organization_id, body(megabytes)):
            arrived += len(block)
    except EngineFailure as failure:
        return arrived // MB if failure.kind is FailureKind.RATE_LIMITED else -1
    return arrived // MB


async def test_an_endless_answer_ends_at_the_quota_of_its_organization() -> None:
    now = 0.0
    quota = DownloadQuota(5, clock=lambda: now)
    assert await read(quota, 1, 3) == 3
    assert await read(quota, 1, 10**6) == 1
    assert await read(quota, 1, 1) == 0
    assert await read(quota, 2, 3) == 3
    now = 3700.0
    assert await read(quota, 1, 3) == 3


async def test_without_a_quota_everything_arrives() -> None:
    assert await read(DownloadQuota(), 1, 9) == 9


async def test_a_quota_that_is_used_up_is_told_before_anything_is_read() -> None:
    quota = DownloadQuota(5, clock=lambda: 0.0)
    await read(quota, 1, 10)
    with pytest.raises(EngineFailure, match="the organization has read 5 MiB within an hour, its quota on this server"):
        await anext(aiter(quota.metered(1, body(1))))
