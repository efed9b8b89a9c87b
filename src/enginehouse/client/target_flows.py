"""The upload of a file as a new target, as a flow: one text of it for both clients."""

from pathlib import Path
from typing import Final

from enginehouse.client import files
from enginehouse.client.calls import GRAPHQL, ClientCall, FilePart, Flow, ServerInterface, decoded

_DELETE: Final = "mutation($id: ID!) { deleteTDO(id: $id) { id } }"


def upload(to: ServerInterface, path: Path, media_type: str | None, name: str | None) -> Flow[str]:
    """The file is the primary asset of a new target. Returns the target's id. It is sent once.

    Without a media type, the server finds it. Raises UnusableFile.
    """
    files.check(path)
    kind = media_type or files.ANY
    part = FilePart(path, name or path.name, kind)
    query = files.upload_query(part.name, kind)
    call = ClientCall("POST", GRAPHQL, body={"query": query}, file=part)
    return decoded((yield from to.send(call)), dict[str, str], ("data", "createTDOWithAsset"))["id"]


def delete(to: ServerInterface, target_id: str) -> Flow[None]:
    """The target is gone, and its assets with it."""
    yield from to.graphql(_DELETE, {"id": target_id}, dict[str, str], "deleteTDO")
