"""Values of options are what was typed, or are refused."""

import pytest

from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import json_object


@pytest.mark.parametrize("number", ["1e400", "9007199254740993.0", "NaN", "-Infinity", "1e-400"])
def test_a_number_that_would_be_sent_as_another_is_refused(number: str) -> None:
    with pytest.raises(CommandError, match=f"--payload: not JSON: {number} does not fit into 64 bits exactly"):
        json_object("--payload", f'{{"a": {number}}}')


def test_numbers_are_sent_as_they_are() -> None:
    assert json_object("--payload", '{"a": [9007199254740993, 0.1, 1e5]}') == {"a": [9007199254740993, 0.1, 100000.0]}
