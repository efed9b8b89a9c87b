"""The log of an attempt: every piece once and in order, within the limit, complete when it is closed."""

import asyncio

import pytest

from enginehouse.runtime.attempt_log import AttemptLog


class Sink:
    """The sent pieces, and a gate at which the next piece waits."""

    def __init__(self) -> None:
        self.data = b""
        self.pieces = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, offset: int, data: bytes) -> int:
        assert offset == len(self.data)
        self.pieces += 1
        await self.gate.wait()
        self.data += data
        return offset + len(data)


async def test_a_line_is_in_the_log_with_its_time() -> None:
    sink = Sink()
    log = AttemptLog(sink.send)
    log.line("one")
    log.line("zwei: žluť")
    await log.close()
    first, second = sink.data.decode().splitlines()
    assert first.endswith("Z one")
    assert second.endswith("Z zwei: žluť")


async def test_without_a_line_nothing_is_sent() -> None:
    sink = Sink()
    log = AttemptLog(sink.send)
    log.write(b"")
    await log.close()
    assert sink.pieces == 0


@pytest.mark.parametrize("line", ["x" * 1000, "ž" * 1000, "y" * 5_000_000])
async def test_a_log_never_grows_past_its_limit(line: str) -> None:
    sink = Sink()
    log = AttemptLog(sink.send, limit=10_000)
    for _ in range(30):
        log.line(line)
        await asyncio.sleep(0)
    await log.close()
    assert 9_000 <= len(sink.data) <= 10_000
    assert log.room == 0
    sink.data.decode()


async def test_a_log_ends_with_a_whole_line() -> None:
    sink = Sink()
    log = AttemptLog(sink.send, limit=500)
    for number in range(100):
        log.write(f"žluť {number}\n".encode())
    await log.close()
    assert sink.data.endswith(b"\n")
    assert sink.data.decode().splitlines() == [f"žluť {number}" for number in range(len(sink.data.splitlines()))]
    log.write(b"x\n")  # nothing follows a gap
    await log.close()
    assert not sink.data.endswith(b"x\n")


async def test_what_is_written_while_a_piece_is_on_its_way_goes_as_one_piece() -> None:
    sink = Sink()
    log = AttemptLog(sink.send)
    sink.gate.clear()
    log.write(b"0")
    await asyncio.sleep(0)
    for n in range(1, 10):
        log.write(b"%d" % n)
    sink.gate.set()
    await log.close()
    assert (sink.data, sink.pieces) == (b"0123456789", 2)
    log.write(b" again")
    await log.close()
    assert sink.data == b"0123456789 again"
