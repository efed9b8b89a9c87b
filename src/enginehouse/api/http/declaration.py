"""What an operation takes and answers, declared above its handler. The description of the interface is made of it.

The tests hold every response, and every query parameter that a handler reads, against its declaration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import MAX_OFFSET, MAX_PAGE
from enginehouse.http_protocol.multipart import FormKind

H = TypeVar("H", bound=Callable[..., Any])
Parameters = Mapping[str, Any]
"""The types of query parameters by name."""

JSON: Final = "application/json"
ANY: Final = "*/*"  # the media type is that of the file
_RANGES: Final = {206: "The ranges that the request wants.", 416: "There is no such range."}


@dataclass(frozen=True, slots=True)
class Declaration:
    """The body of a request, its query parameters, and the successful response.

    `form`: the request is a form with a file. `content`: the body is bytes of one of these media types. `answer` is the
    type of the response's body, None for a response without JSON. `others` are further responses by status, without
    JSON. `idempotent`: a request with an idempotency key is done once. `warns`: the response may have warnings, in
    headers.
    """

    answer: Any
    body: Body[Any] | None = None
    optional_body: bool = False
    query: Parameters = field(default_factory=dict)
    status: int = 200
    media_type: str = JSON
    others: Mapping[int, str] = field(default_factory=dict)
    form: FormKind | None = None
    idempotent: bool = False
    warns: bool = False
    content: tuple[str, ...] = ()


_declarations: Final[dict[Callable[..., Any], Declaration]] = {}


def answers(
    answer: Any,
    *,
    body: Body[Any] | None = None,
    optional_body: bool = False,
    query: Parameters | None = None,
    status: int = 200,
    media_type: str = JSON,
    others: Mapping[int, str] | None = None,
    form: FormKind | None = None,
    idempotent: bool = False,
    warns: bool = False,
    content: tuple[str, ...] = (),
) -> Callable[[H], H]:
    """The decorated handler answers success with a body of this type, after it has read this body and these parameters.

    The types are those that msgspec knows. Another `media_type` is sent instead of JSON, or besides it if there is an
    `answer`. With status 204 there is none.
    """

    def declare(handler: H) -> H:
        _declarations[handler] = Declaration(
            answer, body, optional_body, query or {}, status, media_type, others or {}, form, idempotent, warns, content
        )
        return handler

    return declare


def sends_file(media_type: str = ANY, query: Parameters | None = None) -> Callable[[H], H]:
    """The decorated handler answers with stored bytes, or with the range of them that the request wants."""
    return answers(None, media_type=media_type, others=_RANGES, query=query)


def declaration(handler: Callable[..., Any]) -> Declaration | None:
    """Returns what is declared of the handler."""
    return _declarations.get(handler)


def _text(format_: str, description: str = "") -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"format": format_}, description=description or None)


# The types of parameters that many operations take.
Uuid = Annotated[str, _text("uuid")]
UnixTime = Annotated[int, msgspec.Meta(extra_json_schema={"format": "int64"}, description="Unix seconds")]
Time = Annotated[str | int, msgspec.Meta(description="ISO 8601 (without a zone it is UTC), or Unix seconds")]
Direction = Literal["ASC", "DESC"]
PAGE: Final[Parameters] = {
    "offset": Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET, extra_json_schema={"default": 0})],
    "limit": Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE, extra_json_schema={"default": 10})],
}


def one_of(*words: str) -> Any:
    """Returns the type of a parameter that is one of these words."""
    return Literal[tuple(map(str, words))]
