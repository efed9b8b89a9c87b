"""Values of options are what was typed, or are refused."""

from pathlib import Path

import pytest

from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import json_object, payloads_of_tasks


@pytest.mark.parametrize("number", ["1e400", "9007199254740993.0", "NaN", "-Infinity", "1e-400"])
def test_a_number_that_would_be_sent_as_another_is_refused(number: str) -> None:
    with pytest.raises(CommandError, match=f"--payload: not JSON: {number} does not fit into 64 bits exactly"):
        json_object("--payload", f'{{"a": {number}}}')


def test_numbers_are_sent_as_they_are() -> None:
    assert json_object("--payload", '{"a": [9007199254740993, 0.1, 1e5]}') == {"a": [9007199254740993, 0.1, 100000.0]}


def test_the_payloads_of_tasks_come_from_the_command_or_from_files(tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"b": 2}')
    assert payloads_of_tasks("--payload", ["0={}", f"t1=@{file}"]) == {"0": "{}", "t1": '{"b": 2}'}


def test_every_wrong_payload_is_named_at_once() -> None:
    with pytest.raises(CommandError) as refused:
        payloads_of_tasks("--payload", ["x", "0={", "1={}", "1={}", "2=@/nowhere"])
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["--payload", "--payload 0", "--payload", "--payload 2"]
