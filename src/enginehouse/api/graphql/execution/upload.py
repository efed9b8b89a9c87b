"""A multipart request in GraphQL's words: its parts, and its documented refusals (graphql-contract §1.2, §1.5)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from graphql import GraphQLError

from enginehouse.api.graphql.execution.rejection import RejectedError, file_too_large, json_too_large
from enginehouse.api.http import upload
from enginehouse.api.http.upload import Form
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput
from enginehouse.http_protocol.multipart import FileTooLarge, FormKind, TextsTooLarge, UnknownPart

_KIND: Final = FormKind(("query", "variables", "operationName", "filename"), "file")
_ANOTHER_PROTOCOL: Final = (
    "Send the parts query, variables and file; the parts operations and map are another protocol's."
)


async def read_form(
    body: AsyncIterator[bytes], content_type: bytes, folder: Path, max_bytes: int | None, declared: str | None
) -> Form:
    """Returns the parts of the request. Its file is in `folder` under its own name, and is at most `max_bytes` long.

    `max_bytes` None means that this caller may not send a file. Raises RejectedError: 413 for a file or texts over
    their limits, else 400. Then no file is left.
    """
    try:
        form = await upload.read_form(body, content_type, folder, _KIND, max_bytes)
    except AuthenticationFailed as unknown:
        raise RejectedError([GraphQLError(unknown.message, original_error=unknown)], status=200) from None
    except FileTooLarge as refused:
        raise file_too_large(declared, refused.received, refused.allowed) from None
    except TextsTooLarge as refused:
        raise json_too_large(None, refused.received) from None
    except UnknownPart as refused:
        foreign = refused.name in {"operations", "map"}
        raise RejectedError.because(_ANOTHER_PROTOCOL if foreign else refused.message) from None
    except InvalidInput as refused:
        raise RejectedError.because(refused.message) from None
    if form.upload is not None:
        form.upload.name = form.texts.get("filename") or form.upload.name
    return form
