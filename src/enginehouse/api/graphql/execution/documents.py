"""The documents this server has seen: parsed, checked and validated once, found again by their shape."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLSyntaxError,
    NameNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    parse,
    validate,
    visit,
)
from graphql.language import Node
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_literal

from enginehouse.api.graphql.execution import limits
from enginehouse.api.graphql.execution.cost import Cost
from enginehouse.api.graphql.execution.literals import MAX_TOKENS, Hoisted, Scan, scan
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.api.graphql.execution.scalars import untyped

MAX_ERRORS: Final = 50
_BYTES_PER_TOKEN: Final = 1_500  # a token, its share of the tree and of the locations


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a document where a literal stood: the variable that took it, and the type the schema has there.

    None for the type: inside a custom scalar, where any JSON may stand.
    """

    name: str
    type: GraphQLInputType | None


@dataclass(slots=True)
class Prepared:
    """A document ready to execute. `places` are where the literals of the first text stood, (start, length) each."""

    document: DocumentNode
    slots: tuple[Slot, ...]
    places: tuple[tuple[int, int], ...]
    size: int
    costs: dict[int, Cost] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one; None when there is no telling which."""
        found = [
            node
            for node in self.document.definitions
            if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name))
        ]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Bound:
    """A prepared document together with the literals of one request."""

    text: str
    prepared: Prepared
    literals: tuple[Hoisted, ...]
    values: Mapping[str, Any]

    def position(self, position: int) -> int:
        """Where in this request's text that position of the first text is."""
        moved = 0
        for (start, length), literal in zip(self.prepared.places, self.literals, strict=False):
            if start >= position:
                break
            moved += literal.length - length
        return position + moved


class Documents:
    """The documents last used, within a number of bytes."""

    def __init__(self, schema: GraphQLSchema, max_bytes: int = 32 * 1024 * 1024) -> None:
        self._schema = schema
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self.prepared_count = 0
        """How many documents had to be parsed and validated so far."""

    def find(self, text: str) -> Bound:
        """The document of this text, ready to execute. Raises RejectedError when it is too large or not valid."""
        known = self._known.get(text)  # a text without literals is its own shape
        if known is not None and not known.slots:
            self._known.move_to_end(text)
            return Bound(text, known, (), {})
        _check_bytes(text)
        scanned = scan(text)
        shape = scanned.shape
        if shape is not None and (known := self._known.get(shape)) is not None:
            values = _bind(known.slots, scanned.literals)
            if values is not None:
                self._known.move_to_end(shape)
                return Bound(text, known, scanned.literals, values)
            # A literal does not fit its place: the full text is validated, which says so in the usual words.
        return self._prepare(text, scanned)

    def _prepare(self, text: str, scanned: Scan) -> Bound:
        self.prepared_count += 1
        document = _parse(text)
        limits.check_size(document)
        errors = validate(self._schema, document, max_errors=MAX_ERRORS)
        if errors:
            raise RejectedError(errors)
        document, slots = _take_out(self._schema, document, scanned.literals)
        values = _bind(slots, scanned.literals)
        if values is None or scanned.shape is None:
            return Bound(text, Prepared(_parse(text), (), (), 0), (), {})
        places = tuple((literal.start, literal.length) for literal in scanned.literals)
        size = len(scanned.shape) + scanned.tokens * _BYTES_PER_TOKEN
        prepared = Prepared(document, slots, places, size)
        self._keep(scanned.shape, prepared)
        return Bound(text, prepared, scanned.literals, values)

    def _keep(self, shape: str, prepared: Prepared) -> None:
        if shape in self._known or prepared.size > self._max_bytes:
            return
        self._known[shape] = prepared
        self._bytes += prepared.size
        while self._bytes > self._max_bytes:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.size


def _check_bytes(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RejectedError.because("query: half of a surrogate pair is not a character.") from None
    if size > limits.MAX_BYTES:
        message = f"The document is {size} bytes; at most {limits.MAX_BYTES} are allowed. Put values into variables."
        raise RejectedError.beyond("document_too_large", message, limits.MAX_BYTES)


def _parse(text: str) -> DocumentNode:
    try:
        return parse(text, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise RejectedError([error]) from None
    except RecursionError:
        raise RejectedError.because("The document is nested too deeply.", code="query_too_deep") from None
    except GraphQLError as error:
        raise RejectedError([error]) from None


class _Literals(Visitor):
    """Puts a variable where each hoisted literal stands, and notes the type the schema has there."""

    def __init__(self, types: TypeInfo, literals: tuple[Hoisted, ...]) -> None:
        super().__init__()
        self._types = types
        self._index = {literal.start: number for number, literal in enumerate(literals)}
        self.slots: dict[int, Slot] = {}

    def _leave(self, node: Node, *_: Any) -> Node | None:
        number = self._index.get(node.loc.start) if node.loc else None
        if number is None:
            return None
        name = f"{number} literal"  # with a space: no variable of a client can be called so
        self.slots[number] = Slot(name, self._types.get_input_type())
        return VariableNode(name=NameNode(value=name, loc=node.loc), loc=node.loc)

    leave_int_value = leave_float_value = leave_string_value = _leave


def _take_out(
    schema: GraphQLSchema, document: DocumentNode, literals: tuple[Hoisted, ...]
) -> tuple[DocumentNode, tuple[Slot, ...]]:
    if not literals:
        return document, ()
    types = TypeInfo(schema)
    taking = _Literals(types, literals)
    changed = visit(document, TypeInfoVisitor(types, taking))
    return changed, tuple(taking.slots[number] for number in sorted(taking.slots))


def _bind(slots: tuple[Slot, ...], literals: tuple[Hoisted, ...]) -> dict[str, Any] | None:
    """The value of every slot, read exactly as execution reads a literal there; None when one does not fit.

    None too where there are more or fewer literals than slots: they are not those of this document.
    """
    if len(slots) != len(literals):
        return None
    values = {}
    for slot, literal in zip(slots, literals, strict=True):
        value = untyped(literal.node, None) if slot.type is None else coerce_input_literal(literal.node, slot.type)
        if value is Undefined:
            return None
        values[slot.name] = value
    return values
