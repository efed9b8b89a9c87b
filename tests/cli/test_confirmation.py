"""What cannot be undone asks a person, and needs --yes where nobody can be asked."""

import io

import pytest

from enginehouse.cli.confirmation import confirm
from enginehouse.cli.errors import CommandError


class Keyboard(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


def put(monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO) -> None:
    monkeypatch.setattr("sys.stdin", stdin)


@pytest.mark.parametrize("typed", ["y\n", "yes\n", "maybe\ny\n"])
def test_a_person_agrees(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str) -> None:
    put(monkeypatch, Keyboard(typed))
    confirm("3 jobs would be deleted.", "Delete them?", yes=False)
    shown = capsys.readouterr()
    assert shown.err.startswith("3 jobs would be deleted. Delete them? [y/N]: ")
    assert shown.out == ""


@pytest.mark.parametrize("typed", ["n\n", "\n"])
def test_a_person_does_not_agree(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    put(monkeypatch, Keyboard(typed))
    with pytest.raises(CommandError, match=r"^Nothing was changed"):
        confirm("3 jobs would be deleted.", "Delete them?", yes=False)


def test_in_a_pipe_it_needs_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, io.StringIO("y\n"))
    with pytest.raises(CommandError, match="Use --yes"):
        confirm("3 jobs would be deleted.", "Delete them?", yes=False)
    confirm("3 jobs would be deleted.", "Delete them?", yes=True)
