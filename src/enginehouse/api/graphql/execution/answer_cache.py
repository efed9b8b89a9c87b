"""What plans have answered about objects, as bytes. An object that is still the same has the same answer.

Jobs are kept as they were read (docs/decisions/0050), so that a job that has not changed is the same object, and only
what is read of it must be encoded again. An answer is kept only if it follows from the object alone: from `fields` that
look at nothing else, with arguments that stand in the document. The object itself is not kept alive.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final, NamedTuple
from weakref import ref

import msgspec
from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    NullValueNode,
    get_named_type,
    is_leaf_type,
)

_CONSTANT: Final = (BooleanValueNode, EnumValueNode, IntValueNode, NullValueNode)
_ENTRY_BYTES: Final = 500  # of an answer, besides its bytes
_LARGEST_PART: Final = 64  # of the whole that a single answer may take

encode: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Encodes the body of an answer, and the parts of it that are kept."""


class _Kept(NamedTuple):
    of: Callable[[], Any]  # None if the object is gone
    answer: msgspec.Raw
    size: int


class AnswerCache:
    """The answers that were made last, up to `max_bytes`; the oldest go first.

    `classes` are those of the objects whose answers are kept, by the names of their types. `fields` of a type follow
    from the object alone.
    """

    def __init__(
        self, classes: Mapping[str, type], fields: Mapping[str, frozenset[str]], max_bytes: int = 8 * 1024 * 1024
    ) -> None:
        self.classes = classes
        self._fields = fields
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, int], _Kept] = OrderedDict()
        self._numbers = count()
        self.size = 0
        """About how many bytes the answers take."""

    def number(self) -> int:
        """Returns a number for a selection of a plan, which no other one gets."""
        return next(self._numbers)

    def find(self, selection: int, value: Any) -> msgspec.Raw | None:
        """Returns the answer of this selection about the object, None if there is none."""
        kept = self._kept.get((selection, id(value)))
        # Another object may have got the place in memory of one that is gone.
        return kept.answer if kept is not None and kept.of() is value else None

    def keep(self, selection: int, value: Any, answer: dict[str, Any]) -> msgspec.Raw:
        """Keeps the answer, and returns it encoded."""
        raw = encode(answer)
        made = _Kept(ref(value), msgspec.Raw(raw), len(raw) + _ENTRY_BYTES)
        if made.size <= self._max_bytes // _LARGEST_PART:
            key = selection, id(value)
            if (before := self._kept.pop(key, None)) is not None:
                self.size -= before.size
            self._kept[key] = made
            self.size += made.size
            while self.size > self._max_bytes:
                self.size -= self._kept.popitem(last=False)[1].size
        return made.answer

    def holds(self, schema: GraphQLSchema, kind: GraphQLObjectType, nodes: list[FieldNode]) -> bool:
        """Returns True if the answer of this selection of fields follows from an object of the type alone."""
        return all(self._follows(schema, kind, node) for node in nodes)

    def _follows(self, schema: GraphQLSchema, kind: GraphQLObjectType, node: FieldNode) -> bool:
        name = node.name.value
        if name == "__typename":
            return True
        if name not in self._fields.get(kind.name, ()):
            return False
        if not all(isinstance(argument.value, _CONSTANT) for argument in node.arguments or ()):
            return False
        field = schema.get_field(kind, name)
        inner = None if field is None else get_named_type(field.type)
        if node.selection_set is None:
            return is_leaf_type(inner)
        below = node.selection_set.selections
        return isinstance(inner, GraphQLObjectType) and all(
            isinstance(each, FieldNode) and self._follows(schema, inner, each) for each in below
        )
