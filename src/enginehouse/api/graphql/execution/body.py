"""The body of a request that is not multipart: JSON under any label, or a form (graphql-contract §1.2).

Clients label JSON as `text/plain`, as `application/x-www-form-urlencoded`, or not at all. A label is trusted only where
the body is not JSON. A page of another site can send such a body too. It gains nothing, because a request counts only
with a token in a header, and a browser adds none by itself.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl

from enginehouse.api.graphql.execution.rejection import MAX_JSON_BYTES, RejectedError, json_too_large
from enginehouse.api.http.json import reader
from enginehouse.domain.errors import InvalidInput, excerpt

_FORM: Final = b"application/x-www-form-urlencoded"
_FIELDS: Final = ("query", "variables", "operationName", "extensions")
_MOST_FIELDS: Final = 16
_SPACE: Final = b" \t\r\n"


async def read(chunks: AsyncIterator[bytes], declared: str | None) -> bytes:
    """Returns the whole body. `declared` is the Content-Length. Raises BodyTooLargeError over 10 MB."""
    check_size(declared, 0)
    parts, size = list[bytes](), 0
    async for chunk in chunks:
        size += len(chunk)
        check_size(declared, size)
        parts.append(chunk)
    return b"".join(parts)


def check_size(declared: str | None, size: int) -> None:
    """The body is not over 10 MB: neither what it declares, nor what has come of it. Raises BodyTooLargeError."""
    if size > MAX_JSON_BYTES or (declared is not None and int(declared) > MAX_JSON_BYTES):
        raise json_too_large(declared, size)


def begins_json(raw: bytes) -> bool:
    """Returns whether the body begins as a JSON object or list. No form and no multipart body does."""
    return raw.lstrip(_SPACE)[:1] in (b"{", b"[")


def parts(raw: bytes, kind: bytes) -> dict[str, Any]:
    """Returns the members of the request. `kind` is the media type of the header Content-Type, in lower case.

    Raises RejectedError for a body that is neither JSON nor a form.
    """
    if kind == _FORM and raw.strip(_SPACE) and not begins_json(raw):
        return _form(raw)
    try:
        body = reader.read(raw)
    except reader.InexactInput as refusal:
        raise _within_variables(refusal, r"variables\.\w+\.?") from None
    except InvalidInput as refusal:
        raise RejectedError.because(refusal.message + _advice(kind)) from None
    if isinstance(body, list):
        message = "Body: one request at a time; several fields go into one query, under aliases of their own."
        raise RejectedError.because(message)
    if not isinstance(body, dict):
        raise RejectedError.because('Body: an object like {"query": "…", "variables": {…}}.')
    return body


def variables(text: str) -> Any:
    """Returns the value of variables that are sent as JSON text, None for an empty text. Raises RejectedError."""
    if not text.strip():
        return None
    try:
        return reader.read(text.encode())
    except reader.InexactInput as refusal:
        raise _within_variables(refusal, r"\w+\.?") from None
    except (InvalidInput, UnicodeEncodeError) as error:
        raise RejectedError.because(f"variables: {error}", field="variables") from None


def _advice(kind: bytes) -> str:
    """Returns what to send instead, for a label that does not promise JSON."""
    if kind in (b"", b"application/json"):
        return ""
    sent = excerpt(kind.decode("latin-1"))
    return f' Content-Type is {sent}; send JSON like {{"query": "…"}}, a form, or multipart/form-data.'


def _form(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise RejectedError.because("The form is not UTF-8.") from None
    except ValueError:
        raise RejectedError.because(f"The form has more than {_MOST_FIELDS} fields.") from None
    fields = dict[str, Any]()
    for name, value in pairs:
        if name not in _FIELDS:
            message = (
                f"The form's field {excerpt(name)} is none of {', '.join(_FIELDS)}; write & inside a value as %26."
            )
            raise RejectedError.because(message)
        if name in fields:
            raise RejectedError.because(f"The form's field {name} is given twice.")
        fields[name] = value
    try:
        reader.refuse_nul(fields)
    except InvalidInput as refused:
        raise RejectedError.because(refused.message) from None
    return fields


def _within_variables(refusal: InvalidInput, prefix: str) -> RejectedError:
    """Returns the rejection. Paths begin inside the variable, because the client chose the variable's name."""
    problems = [replace(p, path=re.sub(f"^{prefix}", "", p.path) or p.path) for p in refusal.problems]
    return RejectedError.of(InvalidInput(problems))
