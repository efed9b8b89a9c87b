"""Every refusal quotes a wrong value in the same way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.errors import excerpt

LONG = "x" * 61
EXCERPTS = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (-7, "-7"),
    (1.5, "1.5"),
    ("", '""'),
    ("a b", '"a b"'),
    (LONG[:60], f'"{LONG[:60]}"'),
    (LONG, f'"{LONG[:60]}…"'),
    (10**70, f"1{'0' * 59}…"),
    (10**5000, "a number too large to show"),  # the interpreter refuses to print it
    ("a\x07\n", '"a\\u0007\\u000a"'),
    ("\ud800", '"\\ud800"'),  # half of a surrogate pair cannot be sent
    ({"password": "secret"}, "an object"),
    ([1, 2], "a list"),
]


@pytest.mark.parametrize(("value", "text"), EXCERPTS, ids=range(len(EXCERPTS)))
def test_a_wrong_value_is_repeated_shortly_and_in_one_line(value: object, text: str) -> None:
    assert excerpt(value) == text


@given(st.text())
def test_a_repeated_text_is_printable_and_never_long(text: str) -> None:
    repeated = excerpt(text)
    assert repeated.isprintable()
    assert len(repeated) <= len("\\U0010ffff") * 60 + len('"…"')
