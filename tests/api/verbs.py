"""A verb in the words of each interface, and the response to it, read in the same way for each."""

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import httpx

GRAPHQL: Final = "/v3/graphql"

Interface = Literal["REST", "GraphQL"]


class Verb(NamedTuple):
    """A verb in the words of each interface.

    `rest` is "METHOD /path", with {id} where the id goes. `graphql` is a document with the variables $id and $in.
    """

    rest: str
    graphql: str


def document(name: str, fields: str = "id") -> str:
    """Returns the document of a mutation that takes its input from $in."""
    return f"mutation($in: {name[0].upper()}{name[1:]}!) {{ {name}(input: $in) {{ {fields} }} }}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The response of an interface to a request."""

    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def body(self) -> Any:
        return self.response.json() if self.response.content else {}

    @property
    def outcome(self) -> tuple[str, Any]:
        """The name and the message of the only error; without an error an empty name and the result.

        The result of GraphQL is that of the only field; of a list it is the records.
        """
        body = self.body
        if self.response.url.path != GRAPHQL:
            return ("", body.get("result", body)) if self.response.is_success else (body["id"], body["detail"])
        if "errors" in body:
            [error] = body["errors"]
            return error["name"], error["message"]
        [field] = body["data"].values()
        return "", field.get("records", field) if isinstance(field, dict) else field

    @property
    def error(self) -> str:
        """The name of the only error, empty without an error."""
        return self.outcome[0]

    @property
    def message(self) -> str:
        """The message of the only error. Fails without an error."""
        error, message = self.outcome
        assert error, message
        return str(message)

    @property
    def result(self) -> Any:
        """The result. Fails with an error."""
        error, result = self.outcome
        assert not error, result
        return result
