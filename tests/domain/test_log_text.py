"""A log is cut between two lines, or inside a line that is too long, and never inside a character."""

from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.log_text import cut_end, cut_start, without_half_character

TEXTS = st.text("ab\nž€😀", max_size=60).map(str.encode)


@given(TEXTS, st.integers(0, 200))
def test_the_beginning_ends_with_a_line_or_a_character(data: bytes, room: int) -> None:
    cut = cut_end(data, room)
    assert data.startswith(cut)
    assert len(cut) <= room
    cut.decode()
    assert len(data) > room or cut == data
    whole = data[: data.rfind(b"\n", 0, room) + 1]
    if len(whole) > room // 2 and cut != data:
        assert cut == whole
    elif cut != data:
        assert len(cut) > room - 4


@given(TEXTS, st.integers(1, 200))
def test_the_end_begins_with_a_line_or_a_character(data: bytes, room: int) -> None:
    cut = cut_start(data, room)
    assert data.endswith(cut)
    assert len(cut) <= room
    cut.decode()
    assert len(data) > room or cut == data
    lines = [place for place in range(len(data) - room, len(data)) if place > 0 and data[place - 1 : place] == b"\n"]
    if lines and lines[0] <= len(data) - room + room // 2 and cut != data:
        assert cut == data[lines[0] :]
    elif cut != data:
        assert len(cut) > room - 4


@given(TEXTS, st.integers(0, 200))
def test_the_end_of_a_growing_log_is_a_whole_character(data: bytes, size: int) -> None:
    shown = without_half_character(data[:size])
    assert shown.decode() == data[:size].decode("utf-8", "ignore")


@given(st.binary(max_size=40), st.integers(1, 50))
def test_what_is_no_text_keeps_nearly_all(data: bytes, room: int) -> None:
    for cut in (cut_end(data.replace(b"\n", b"."), room), cut_start(data.replace(b"\n", b"."), room)):
        assert min(len(data), room) - 4 < len(cut) <= room
