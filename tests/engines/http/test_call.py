"""A call is repeated only where the engine cannot have done the work, with short pauses."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from enginehouse.domain.engine import EngineAddress
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure
from enginehouse.engines.http import call
from enginehouse.engines.http.call import CallReply
from enginehouse.engines.http.client import AddressRefused, Broken, CallAnswer, Content, EngineTrouble, NotReached
from enginehouse.engines.http.form import ProcessForm

LOST = EngineTrouble("The connection to the engine ended while it worked: reset.", FailureKind.WORKER_LOST)
SILENT = "The engine answered %d and did not say why."
ADDRESS = EngineAddress(url="http://engine.example", private=True)
FORM = ProcessForm({"a": "b"}, None, "boundary")


class Script:
    """A client that answers or raises as the test says, one after the other."""

    def __init__(self, steps: Sequence[int | Exception]) -> None:
        self.steps = list(steps)
        self.calls: list[tuple[str, bool, bytes]] = []

    @asynccontextmanager
    async def get(self, url: str, *, private: bool) -> AsyncIterator[CallAnswer]:
        raise AssertionError("a call asks nothing")
        yield

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], content: Content, *, private: bool
    ) -> AsyncIterator[CallAnswer]:
        body = b"".join([block async for block in content()])
        assert headers["Content-Length"] == str(len(body))
        self.calls.append((url, private, body))
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        yield CallAnswer(step, None, _nothing())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Returns the pauses, which take no time."""
    pauses = list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("enginehouse.engines.http.call.asyncio.sleep", sleep)
    return pauses


async def process(client: Script, folder: Path) -> CallReply:
    return await call.process(client, ADDRESS, FORM, target=folder / "answer", room=100)


@pytest.mark.parametrize(
    ("steps", "pauses"),
    [
        ([204], []),
        ([NotReached("refused"), 204], [0.1]),
        ([NotReached("refused"), 503, 204], [0.1, 0.2]),
        ([429, 408, 200], [0.1, 0.2]),
    ],
)
async def test_what_was_not_done_is_tried_again(
    steps: list[int | Exception], pauses: list[float], slept: list[float], tmp_path: Path
) -> None:
    client = Script(steps)
    assert await process(client, tmp_path) == CallReply()
    assert slept == pauses
    assert client.calls == [("http://engine.example/process", True, client.calls[0][2])] * (len(pauses) + 1)


@pytest.mark.parametrize(
    ("steps", "failure", "pauses"),
    [
        ([NotReached("refused")] * 3, NotReached("refused"), [0.1, 0.2]),
        ([500] * 3, EngineTrouble(SILENT % 500, FailureKind.INTERNAL_ERROR), [0.1, 0.2]),
        ([400], EngineFailure(SILENT % 400, FailureKind.INVALID_DATA), []),
        ([Broken("reset")], LOST, []),
        ([NotReached("refused"), Broken("reset")], LOST, [0.1]),
        ([AddressRefused("no")], EngineFailure("no", FailureKind.URL_NOT_ALLOWED), []),
    ],
)
async def test_a_call_fails_after_the_third_try_or_at_once(
    steps: list[int | Exception], failure: Exception, pauses: list[float], slept: list[float], tmp_path: Path
) -> None:
    client = Script(steps)
    with pytest.raises(type(failure)) as caught:
        await process(client, tmp_path)
    assert type(caught.value) is type(failure)
    assert str(caught.value) == str(failure)
    assert getattr(caught.value, "kind", None) == getattr(failure, "kind", None)
    assert slept == pauses
    assert client.steps == []
