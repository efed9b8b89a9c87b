"""What commands print into a pipe: whole lines, with nothing after the last cell."""

import io

import pytest

from enginehouse.cli import output


def test_a_table_in_a_pipe_has_no_spaces_at_the_ends_of_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stdout", pipe)
    output.console().print(output.facts([("name", "a" * 90), ("kind", "b"), ("none", None)], title="engine"))
    output.console().print("two\nlines")
    assert pipe.getvalue() == f"engine\nname    {'a' * 90}\nkind    b\ntwo\nlines\n"
