"""The requests about engines, as flows: one text of them for both clients."""

from typing import Final

import msgspec

from enginehouse.client.calls import GRAPHQL, ClientCall, Flow, ServerInterface, decoded
from enginehouse.client.records import EngineRecord, RecordPage

_ENGINES: Final = """query($name: String, $limit: Int, $offset: Int) {
  engines(name: $name, limit: $limit, offset: $offset) { count records { id name description%s } } }"""


class EnginesPage(msgspec.Struct, frozen=True):
    """A page of engines as GraphQL shows it."""

    records: list[EngineRecord]
    count: int


def engine_page(to: ServerInterface, *, name: str | None, limit: int, offset: int) -> Flow[RecordPage[EngineRecord]]:
    """Returns the engines that jobs may name, by name."""
    query = _ENGINES % ("" if to.is_aiware else " installed")
    variables = {"name": name, "limit": limit, "offset": offset}
    call = ClientCall("POST", GRAPHQL, body={"query": query, "variables": variables}, is_repeatable=True)
    found = decoded((yield from to.send(call)), EnginesPage, ("data", "engines"))
    return RecordPage(found.records, found.count)
