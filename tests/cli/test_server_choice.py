"""Which server a command calls: a flag goes before a variable, a variable before a context, that before the default."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from enginehouse.cli.contexts import ContextFile, ServerContext
from enginehouse.cli.errors import CommandError
from enginehouse.cli.server_choice import DEFAULT_SERVER, Given, Option, ServerChoice, choose

FOLDER = Path("/srv/data")
WORK = ServerContext("work", server="http://work:9000", token="of work")
HERE = ServerContext("here", data=FOLDER)
KNOWN = ContextFile("work", {"work": WORK, "here": HERE})
NONE = ContextFile()


def chosen(flags: dict[Option, str], variables: dict[Option, str], contexts: ContextFile = KNOWN) -> ServerChoice:
    return choose(Given(variables | flags, frozenset(flags)), lambda: contexts)


def brief(choice: ServerChoice) -> tuple[str | None, str, str | None, str | None]:
    place = choice.server or f"in {choice.data}"
    token = f"in {choice.token_data}" if choice.token_data is not None else choice.token
    return place, choice.server_source, token, choice.token_source


@pytest.mark.parametrize(
    ("flags", "variables", "contexts", "expected"),
    [
        ({}, {}, NONE, (DEFAULT_SERVER, "default", None, None)),
        ({}, {"token": "T"}, NONE, (DEFAULT_SERVER, "default", "T", "ENGINEHOUSE_TOKEN")),
        ({}, {}, KNOWN, ("http://work:9000", "context work", "of work", "context work")),
        ({}, {"token": "T"}, KNOWN, ("http://work:9000", "context work", "T", "ENGINEHOUSE_TOKEN")),
        ({"token": "F"}, {"token": "T"}, KNOWN, ("http://work:9000", "context work", "F", "--token")),
        ({}, {"server": "http://v"}, KNOWN, ("http://v", "ENGINEHOUSE_SERVER", None, None)),
        ({}, {"context": "here"}, KNOWN, ("in /srv/data", "ENGINEHOUSE_CONTEXT", "in /srv/data", "context here")),
        ({}, {"context": "work", "token": "T"}, KNOWN,
         ("http://work:9000", "ENGINEHOUSE_CONTEXT", "T", "ENGINEHOUSE_TOKEN")),
        ({}, {"data": "/srv/data"}, KNOWN, ("in /srv/data", "ENGINEHOUSE_DATA", "in /srv/data", "ENGINEHOUSE_DATA")),
        ({"context": "work"}, {"server": "http://v", "token": "T"}, KNOWN,
         ("http://work:9000", "--context", "of work", "context work")),
        ({"data": "/srv/data"}, {"server": "http://v", "token": "T"}, KNOWN,
         ("in /srv/data", "--data", "in /srv/data", "--data")),
        ({"server": "http://f/"}, {"token": "T"}, KNOWN, ("http://f", "--server", "T", "ENGINEHOUSE_TOKEN")),
        ({"server": "http://f"}, {"context": "work", "data": "/srv/data"}, KNOWN, ("http://f", "--server", None, None)),
        ({"server": "http://f", "data": "/srv/data"}, {}, KNOWN, ("http://f", "--server", "in /srv/data", "--data")),
        ({"server": "http://work:9000/"}, {}, KNOWN, ("http://work:9000", "--server", "of work", "context work")),
    ],
)  # fmt: skip
def test_the_first_that_names_a_server_wins(
    flags: dict[Option, str],
    variables: dict[Option, str],
    contexts: ContextFile,
    expected: tuple[str | None, str, str | None, str | None],
) -> None:
    assert brief(chosen(flags, variables, contexts)) == expected


def test_a_kept_token_is_sent_to_no_other_server() -> None:
    options: list[Option] = ["server", "data", "context"]
    values: dict[Option, str] = {"server": "http://other", "data": "/srv/data", "context": "work"}
    for typed in itertools.chain.from_iterable(itertools.combinations(options, n) for n in range(4)):
        flags = {option: values[option] for option in typed}
        choice = chosen(flags, {option: values[option] for option in options if option not in typed})
        if choice.server == "http://other":
            assert choice.token is None
            assert choice.token_data is None or "data" not in typed or "server" in typed
        else:
            assert (choice.token, choice.server) == ("of work", WORK.server) or choice.token_data == choice.data


def test_a_context_that_is_not_there_is_refused_with_those_that_look_like_it() -> None:
    with pytest.raises(CommandError, match=r'no context "wrok"\. Did you mean work'):
        chosen({"context": "wrok"}, {})


def test_nothing_is_read_when_a_flag_says_everything() -> None:
    read: Callable[[], ContextFile] = lambda: pytest.fail("the contexts were read")  # noqa: E731
    given = Given({"server": "http://f", "token": "F"}, frozenset({"server", "token"}))
    assert choose(given, read).server == "http://f"
