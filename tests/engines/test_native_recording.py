"""The asset creator and playback: each input becomes an asset of the target, once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engines.native_context import Bench, bench_at

from enginehouse.engine import EngineFailure
from enginehouse.engines.native.recording import AssetCreator, Playback


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench_at(tmp_path) as bench:
        yield bench


async def test_every_input_is_an_asset_and_only_the_first_is_primary(bench: Bench) -> None:
    chunks = [
        await bench.chunk(text, "text/plain", index=index, name=f"{index}.txt")
        for index, text in enumerate((b"one", b"two"))
    ]
    payload = {"assetType": "transcript", "setAsPrimary": True}
    assert await bench.run(AssetCreator(), *chunks, payload=payload) == []
    assert [
        (asset.asset_type, asset.content_type, asset.name, asset.is_primary, kept)
        for asset, kept in bench.assets.values()
    ] == [("transcript", "text/plain", "0.txt", True, b"one"), ("transcript", "text/plain", "1.txt", False, b"two")]


async def test_another_attempt_makes_no_second_asset(bench: Bench) -> None:
    chunk = await bench.chunk(b"one", "audio/wav")
    for _ in range(2):
        await bench.run(AssetCreator(), replace(chunk))
    [(asset, _)] = bench.assets.values()
    assert (asset.asset_type, asset.is_primary) == ("media", False)


async def test_playback_keeps_the_stream_as_media(bench: Bench) -> None:
    assert await bench.run(Playback(), await bench.chunk(b"RIFF", "audio/wav")) == []
    [(asset, kept)] = bench.assets.values()
    assert (asset.asset_type, asset.content_type, kept) == ("media", "audio/wav", b"RIFF")


async def test_a_job_without_a_target_is_told_so(bench: Bench) -> None:
    bench.with_target = False
    assert await bench.run(AssetCreator(), await bench.chunk(b"one", "text/plain")) == []
    assert bench.lines == ["the job has no target, so nothing was kept"]


async def test_a_wrong_payload_is_refused_by_its_path(bench: Bench) -> None:
    with pytest.raises(EngineFailure, match=r"payload.setAsPrimary: true or false, got 3."):
        await bench.run(AssetCreator(), payload={"setAsPrimary": 3})
