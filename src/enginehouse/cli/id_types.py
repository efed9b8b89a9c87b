"""The types of arguments that name something on a server. A shell completes them with what the server has now.

The server is asked for at most a second. One that does not answer, or refuses, leaves the word as it is.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from enginehouse.client import Client
from enginehouse.domain.retry import FailureKind

_MOST: Final = 50
Word = tuple[str, str]  # what is typed, and what a person reads beside it
Words = Callable[[Client], Iterable[Word]]


class WordType(click.ParamType[str]):
    """A text that a shell completes with `words`. Others are allowed: the server judges them."""

    name = "text"

    def __init__(self, *words: str) -> None:
        self._words = words

    def __str__(self) -> str:
        return f"{', '.join(self._words[:-1])} or {self._words[-1]}"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the words that begin so."""
        return [CompletionItem(word) for word in self._words if word.startswith(incomplete)]


class ServerWordType(click.ParamType[str]):
    """The id or the name of something that is on the server."""

    name = "text"

    def __init__(self, words: Words) -> None:
        self._words = words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns what the server has and begins so."""
        # A command that is not completed does not need these.
        from enginehouse.cli import connection  # noqa: PLC0415

        try:
            with connection.hasty_client(ctx) as client:
                found = list(self._words(client))
        except Exception:
            return []
        return [CompletionItem(word, help=remark) for word, remark in found if word.startswith(incomplete)]


def _jobs(client: Client) -> Iterable[Word]:
    for one in client.rest("GET", "/api/v1/jobs", limit=_MOST)["result"]:
        names = [task.get("engineName") or task["engineID"] for task in one["tasks"]]
        yield one["coreJobID"], f"{one['jobStatus']}, {', '.join(names[:3])}"


def _engines(client: Client) -> Iterable[Word]:
    for one in client.graphql("{ engines(limit: 1000) { records { id slug name } } }")["engines"]["records"]:
        yield one["slug"] or one["id"], one["name"]


def _rest(path: str, name: str, *remarks: str) -> Words:
    """Returns the words of a list of `/api/v1`: the field `name` of each record, and the others beside it."""

    def words(client: Client) -> Iterable[Word]:
        for one in client.rest("GET", f"/api/v1/{path}")["result"][:_MOST]:
            yield str(one[name]), ", ".join(str(one[remark]) for remark in remarks if one.get(remark))

    return words


def _graphql(query: str, name: str, *remarks: str) -> Words:
    """Returns the words of a list of GraphQL: the field `name` of each record, and the others beside it."""

    def words(client: Client) -> Iterable[Word]:
        fields = " ".join(("id", name, *remarks))
        answer: dict[str, Any] = client.graphql(f"{{ {query}(limit: {_MOST}) {{ records {{ {fields} }} }} }}")
        for one in answer[query]["records"]:
            yield str(one[name]), ", ".join(str(one[remark]) for remark in remarks if one.get(remark))

    return words


JOB: Final = ServerWordType(_jobs)
ENGINE: Final = ServerWordType(_engines)
SCHEDULE: Final = ServerWordType(_rest("schedules", "id", "name"))
TARGET: Final = ServerWordType(_graphql("temporalDataObjects", "id", "name"))
TEMPLATE: Final = ServerWordType(_graphql("jobTemplates", "id", "createdDateTime"))
USER: Final = ServerWordType(_graphql("users", "name", "status"))
ORGANIZATION: Final = ServerWordType(_rest("organizations", "organizationID", "name"))
WORKER: Final = ServerWordType(_rest("workers", "workerID", "name"))
TOKEN: Final = ServerWordType(_rest("tokens", "tokenID", "name", "role"))
PIPELINE: Final = ServerWordType(_rest("pipelines", "name", "description"))
ACT: Final = ServerWordType(_rest("bulk-acts", "id", "act"))
DELIVERY: Final = ServerWordType(_rest("webhooks/deliveries", "id", "eventName"))

JOB_STATUS: Final = WordType("pending", "queued", "running", "complete", "failed", "aborted")
REASON: Final = WordType(*sorted(map(str, FailureKind)))
