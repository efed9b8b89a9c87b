"""The cache of documents.

A document is parsed, checked and validated once, and found by its shape (docs/decisions/0011).
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
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
from enginehouse.api.graphql.execution.literals import MAX_TOKENS, DocumentShape, LiteralToken, scan
from enginehouse.api.graphql.execution.numbers import inexact_numbers
from enginehouse.api.graphql.execution.plan_creation import OperationPlan
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.api.graphql.execution.scalars import untyped
from enginehouse.api.graphql.execution.source import indexed
from enginehouse.domain.errors import InvalidInput

MAX_ERRORS: Final = 50
NOT_VALID: Final = "The request does not fit the schema. With a token the answer says where."
_BYTES_PER_TOKEN: Final = 1_500  # a token, and its part of the tree and of the locations


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of a literal in a document: the variable that replaces it, and the type that the schema has there.

    `type` is None inside a custom scalar, which may be any JSON. `start` and `length` are those of the literal in the
    first text.
    """

    variable: str
    type: GraphQLInputType | None
    start: int
    length: int


@dataclass(slots=True)
class PreparedDocument:
    """A document ready to execute, with a hole for each literal of its text, in order."""

    document: DocumentNode
    holes: tuple[Hole, ...] = ()
    size: int = 0
    costs: dict[int, Cost] = field(default_factory=dict)
    introspections: dict[int, bool] = field(default_factory=dict)
    plans: dict[int, OperationPlan | None] = field(default_factory=dict)
    operations: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """Returns the operation of that name, or the only one. Returns None if it is not clear which one is meant."""
        if name in self.operations:
            return self.operations[name]
        found = [
            node
            for node in self.document.definitions
            if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name))
        ]
        if len(found) != 1:
            return None
        self.operations[name] = found[0]
        return found[0]


class BoundDocument(msgspec.Struct, frozen=True):
    """A prepared document together with the literals of one request. `values` has their values by variable."""

    text: str
    prepared: PreparedDocument
    literals: tuple[LiteralToken, ...] = ()
    values: Mapping[str, Any] = {}

    def position(self, position: int) -> int:
        """Returns the position in this request's text for a position in the first text."""
        moved = 0
        for hole, literal in zip(self.prepared.holes, self.literals, strict=False):
            if hole.start >= position:
                break
            moved += literal.length - hole.length
        return position + moved


class DocumentCache:
    """The documents used last, up to a number of bytes."""

    def __init__(self, schema: GraphQLSchema, max_bytes: int = 32 * 1024 * 1024) -> None:
        self._schema = schema
        self._max_bytes = max_bytes
        self._bytes = 0
        self._documents: OrderedDict[str, PreparedDocument] = OrderedDict()
        self.prepared_count = 0
        """The number of documents that were parsed and validated so far."""

    def find(self, text: str, *, known: bool = True) -> BoundDocument:
        """Returns the document of this text, ready to execute. Raises RejectedError if it is too large or not valid.

        If the caller is not `known`, the document is not kept, and what is wrong with it says nothing of the schema.
        """
        prepared = self._documents.get(text)  # a text without literals is its own shape
        if prepared is not None and not prepared.holes:
            self._documents.move_to_end(text)
            return BoundDocument(text, prepared)
        _check_bytes(text)
        shape = scan(text)
        if shape.key is not None and (prepared := self._documents.get(shape.key)) is not None:
            values = _bind(prepared.holes, shape.literals)
            if values is not None:
                self._documents.move_to_end(shape.key)
                return BoundDocument(text, prepared, shape.literals, values)
            # A literal does not fit its hole. The validation of the full text reports it in the usual words.
        return self._prepare(text, shape, known=known)

    def _prepare(self, text: str, shape: DocumentShape, *, known: bool) -> BoundDocument:
        self.prepared_count += 1
        document = _parse(text)
        limits.check_size(document)
        if shape.has_inexact and (inexact := inexact_numbers(document)):
            raise RejectedError.of(InvalidInput(inexact))
        errors = validate(self._schema, document, max_errors=MAX_ERRORS if known else 1, hide_suggestions=not known)
        if errors:
            raise RejectedError(errors) if known else RejectedError.because(NOT_VALID)
        document, holes = _replace_literals(self._schema, document, shape.literals)
        values = _bind(holes, shape.literals)
        if values is None or shape.key is None:
            return BoundDocument(text, PreparedDocument(_parse(text)))
        size = len(shape.key) + shape.token_count * _BYTES_PER_TOKEN
        prepared = PreparedDocument(document, holes, size)
        if known:
            self._keep(shape.key, prepared)
        return BoundDocument(text, prepared, shape.literals, values)

    def _keep(self, key: str, prepared: PreparedDocument) -> None:
        if key in self._documents or prepared.size > self._max_bytes:
            return
        self._documents[key] = prepared
        self._bytes += prepared.size
        while self._bytes > self._max_bytes:
            _, oldest = self._documents.popitem(last=False)
            self._bytes -= oldest.size


def _check_bytes(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RejectedError.because("query: half of a surrogate pair is not a character.") from None
    lines = text.count("\n") + text.count("\r") - text.count("\r\n")
    if lines > limits.MAX_LINES:
        message = f"The document has {lines} lines; at most {limits.MAX_LINES} are allowed."
        raise RejectedError.beyond("too_many_lines", message, limits.MAX_LINES)
    if size > limits.MAX_BYTES:
        message = f"The document is {size} bytes; at most {limits.MAX_BYTES} are allowed. Put values into variables."
        raise RejectedError.beyond("document_too_large", message, limits.MAX_BYTES)


def _parse(text: str) -> DocumentNode:
    try:
        return parse(indexed(text), max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        raise RejectedError([error]) from None
    except RecursionError:
        raise RejectedError.because("The document is nested too deeply.", code="query_too_deep") from None
    except GraphQLError as error:
        raise RejectedError([error]) from None


class _LiteralReplacer(Visitor):
    """Replaces each literal with a variable, and stores the type that the schema has there."""

    def __init__(self, types: TypeInfo, literals: tuple[LiteralToken, ...]) -> None:
        super().__init__()
        self._types = types
        self._numbers = {literal.start: number for number, literal in enumerate(literals)}
        self._literals = literals
        self.holes: dict[int, Hole] = {}

    def _leave(self, node: Node, *_: Any) -> Node | None:
        number = self._numbers.get(node.loc.start) if node.loc else None
        if number is None:
            return None
        name = f"{number} literal"  # with a space, which no variable name of a client can have
        literal = self._literals[number]
        self.holes[number] = Hole(name, self._types.get_input_type(), literal.start, literal.length)
        return VariableNode(name=NameNode(value=name, loc=node.loc), loc=node.loc)

    leave_int_value = leave_float_value = leave_string_value = _leave


def _replace_literals(
    schema: GraphQLSchema, document: DocumentNode, literals: tuple[LiteralToken, ...]
) -> tuple[DocumentNode, tuple[Hole, ...]]:
    """Returns the document with a variable for each literal, and the holes of the literals."""
    if not literals:
        return document, ()
    types = TypeInfo(schema)
    replacer = _LiteralReplacer(types, literals)
    changed = visit(document, TypeInfoVisitor(types, replacer))
    return changed, tuple(replacer.holes[number] for number in sorted(replacer.holes))


def _bind(holes: tuple[Hole, ...], literals: tuple[LiteralToken, ...]) -> dict[str, Any] | None:
    """Returns the value for every hole, read exactly as execution reads a literal there.

    Returns None if one does not fit. Returns None also if the numbers of literals and holes differ: the literals belong
    to another document.
    """
    if len(holes) != len(literals):
        return None
    values = {}
    for hole, literal in zip(holes, literals, strict=True):
        value = untyped(literal.node, None) if hole.type is None else coerce_input_literal(literal.node, hole.type)
        if value is Undefined:
            return None
        values[hole.variable] = value
    return values
