"""Numbers of a request are given to engines as they are, or refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.domain.numbers import InexactNumber, exact_float, problems


@pytest.mark.parametrize(
    "text",
    [
        *("0.1", "-0.0", "1.0", "1e5", "1E+2", "1e23", "1.5e300", "5e-324", "4.9406564584124654e-324", "2.50"),
        *("0.10000000000000001", "0.30000000000000004", "3.141592653589793", "9007199254740992.0", "0e999", "-1.25e-7"),
        "1.7976931348623157e308",
    ],
)
def test_a_number_that_a_float_holds_is_that_float(text: str) -> None:
    assert str(exact_float(text)) == str(float(text))


@pytest.mark.parametrize(
    "text",
    [
        *("1e400", "-1e400", "1e-400", "9007199254740993.0", "-9007199254740993e0", "12345678901234567890.123"),
        *(
            "0.1000000000000000055511151231257827",
            "1.8e308",
            "123456789012345678.0",
            "0." + "1" * 500,
            "1" * 500 + ".0",
        ),
    ],
)
def test_a_number_that_would_be_another_is_refused(text: str) -> None:
    with pytest.raises(InexactNumber, match="does not fit into 64 bits exactly; send it as a string"):
        exact_float(text)
    with pytest.raises(JsonTextError, match="does not fit into 64 bits exactly"):
        read_json(f'{{"a": [{text}]}}')


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_a_program_prints_is_read_back(value: float) -> None:
    for text in (repr(value), f"{value:.17g}"):
        if "." in text or "e" in text:
            assert exact_float(text) == value


@given(st.integers())
def test_an_integer_is_refused_exactly_if_a_process_cannot_be_given_it(value: int) -> None:
    found = problems({"a": [1, {"b": value}]}, "tasks[0].payload")
    try:
        msgspec.msgpack.encode(value)
    except OverflowError:
        assert [problem.path for problem in found] == ["tasks[0].payload.a[1].b"]
    else:
        assert found == []


@pytest.mark.parametrize("value", [-(1 << 63) - 1, 1 << 64, 10**30, -(10**4000)])
def test_the_first_integers_out_of_range_are_refused(value: int) -> None:
    assert [problem.path for problem in problems([value, value], "p")] == ["p[0]", "p[1]"]


@pytest.mark.parametrize("value", [-(1 << 63), (1 << 64) - 1, (1 << 53) + 1, 0])
def test_the_last_integers_in_range_are_accepted(value: int) -> None:
    assert problems([value], "p") == []
