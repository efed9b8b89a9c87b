"""Past its limit a task's log has the beginning and the end of the output, in whole lines and whole characters."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from enginehouse.engines.task_log import TaskLog

NOTICE = re.compile(rb"\n\.\.\. (\d+) bytes of output were not kept \.\.\.\n")
LINES = st.lists(st.text("až€😀", min_size=1, max_size=30), min_size=0, max_size=400)


def logged(pieces: list[bytes], limit: int) -> bytes:
    log = bytearray()
    task_log = TaskLog(log.extend, limit)
    for piece in pieces:
        task_log.write(piece)
    task_log.close()
    task_log.write(b"too late")
    return bytes(log)


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(LINES, st.integers(2000, 6000), st.integers(1, 700))
@example(["žluťoučký kůň"] * 1000, 2000, 7)
@example(["x" * 100] * 1000, 4000, 4096)
def test_cuts_fall_between_lines(lines: list[str], limit: int, size: int) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    log = logged(pieces_of(data, size), limit)
    assert len(log) <= limit
    if len(data) <= limit // 2:
        assert log == data
    notice = NOTICE.search(log)
    if notice is None:
        assert log == data
        return
    head, tail = log[: notice.start()], log[notice.end() :]
    assert head.endswith(b"\n")
    assert data.startswith(head)
    assert data.endswith(b"\n" + tail)
    assert int(notice[1]) == len(data) - len(head) - len(tail)
    assert len(head) + len(tail) > limit // 2


@given(st.text("ž€😀", min_size=1500, max_size=4000), st.integers(1, 700))
def test_a_line_longer_than_the_log_is_cut_between_characters(line: str, size: int) -> None:
    data = line.encode()
    log = logged(pieces_of(data, size), 3000)
    assert len(log) <= 3000
    assert log.decode()
    notice = NOTICE.search(log)
    assert notice is not None
    assert len(log) > 2900


def test_what_is_printed_is_passed_on_at_once_while_there_is_much_room() -> None:
    log = bytearray()
    task_log = TaskLog(log.extend, 1 << 20)
    task_log.write(b"no end of a line")
    assert log == b"no end of a line"
