"""What a root task gets to work on: what its payload names, the target's asset, or only its own parameters."""

from typing import Any

import pytest
from tests.runtime.floor import Floor, _spec, no_fetch

from enginehouse.domain.engine import EngineKind
from enginehouse.engine import EngineFailure
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.runtime.inputs import open_inputs

PYTHON, HTTP, NATIVE = EngineKind.PYTHON, EngineKind.HTTP, EngineKind.NATIVE
OWN = {"question": "how many?", "limit": 3}


async def inputs(floor: Floor, kind: EngineKind, payload: Any, **fields: Any) -> int:
    """Returns how many inputs a root task of such an engine gets."""
    lease = await floor.lease_one("read", payload=payload)
    spec = _spec("read", kind=kind, **({"inputs": ("*/*",)} | fields))
    async with AttemptRun(floor.source, lease, spec, folder=floor.folder, fetch=no_fetch) as attempt:
        return len(await open_inputs(attempt))


@pytest.mark.parametrize("kind", [PYTHON, HTTP])
@pytest.mark.parametrize("payload", [OWN, {"url": "", "limit": 0}, {"text": "words"}], ids=str)
async def test_a_root_engine_runs_on_its_own_parameters(floor: Floor, kind: EngineKind, payload: Any) -> None:
    assert await inputs(floor, kind, payload) == 0


@pytest.mark.parametrize("kind", [PYTHON, HTTP, NATIVE])
@pytest.mark.parametrize("payload", [None, {}, {"url": None}, {"limit": None}], ids=str)
async def test_a_root_engine_without_anything_fails_and_says_what_to_give(
    floor: Floor, kind: EngineKind, payload: Any
) -> None:
    with pytest.raises(EngineFailure, match=r"payload\.url: missing"):
        await inputs(floor, kind, payload)


async def test_a_native_engine_that_takes_data_does_not_run_without_them(floor: Floor) -> None:
    with pytest.raises(EngineFailure, match=r"payload\.url: missing"):
        await inputs(floor, NATIVE, OWN)


@pytest.mark.parametrize("kind", [PYTHON, HTTP, NATIVE])
async def test_an_engine_that_takes_no_data_runs_on_whatever_it_gets(floor: Floor, kind: EngineKind) -> None:
    assert await inputs(floor, kind, None, inputs=()) == 0
