"""The limits of a document's size: depth, aliases, root fields, directives, repeated fields, fragments.

One walk computes the numbers for all limits. It reads each fragment once, however often it is spread, and adds numbers
up to a ceiling. It does not expand fragments (reliability §0.3: a 664-byte bomb of doubling fragments costs the
well-known limiters seconds).

This walk runs before validation and without the schema, because a hostile document makes validation itself slow. The
cost of a document (`cost`) needs the schema and a valid document, so it is a separate walk, afterwards.
"""

from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableDefinitionNode,
)
from graphql.language import SelectionSetNode

from enginehouse.api.graphql.execution.rejection import RejectedError

MAX_BYTES: Final = 64 * 1024
MAX_LINES: Final = 5_000  # an error that names two places walks all lines before them
MAX_ALIAS: Final = 128  # characters; a list repeats them for each of its items
MAX_DEPTH: Final = 12
MAX_INTROSPECTION_DEPTH: Final = 20  # the usual introspection query is 15 deep
MAX_ALIASES: Final = 50
MAX_ROOT_FIELDS: Final = 20
MAX_DIRECTIVES: Final = 50
# At one place: no more than two have a meaning there, and each wrong one would be an error of its own.
MAX_DIRECTIVES_TOGETHER: Final = 4
MAX_FRAGMENTS: Final = 50
# Validation compares fields of one name in pairs, to see if they may be merged. So their number makes it slow.
MAX_REPEATED: Final = 50
_CEILING: Final = 1_000_000_000

INTROSPECTION: Final = frozenset({"__schema", "__type"})

HasDirectives = SelectionNode | FragmentDefinitionNode | OperationDefinitionNode | VariableDefinitionNode


@dataclass(slots=True)
class _Size:
    """The size of a selection with all its fragments, up to the ceiling."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0

    def add(self, other: "_Size") -> None:
        self.depth = max(self.depth, other.depth)
        self.aliases = min(_CEILING, self.aliases + other.aliases)
        self.directives = min(_CEILING, self.directives + other.directives)
        self.fields = min(_CEILING, self.fields + other.fields)


@dataclass(slots=True)
class _SizeWalk:
    """One walk over a document: the sizes of its fragments, and how many fields repeat one of their selection."""

    fragments: dict[str, FragmentDefinitionNode]
    sizes: dict[str, _Size] = field(default_factory=dict)
    repeated: int = 0
    longest_alias: int = 0
    most_directives: int = 0

    def directives(self, node: HasDirectives) -> int:
        """Returns how many directives the node has."""
        count = len(node.directives or ())
        self.most_directives = max(self.most_directives, count)
        return count

    def fragment(self, name: str) -> _Size:
        size = self.sizes.get(name)
        if size is None:
            # It is set before the visit. So a fragment that contains itself counts nothing there, and validation
            # refuses it.
            self.sizes[name] = _Size()
            definition = self.fragments.get(name)
            size = self.sizes[name] = self.selections(definition.selection_set) if definition else _Size()
            size.directives += self.directives(definition) if definition else 0
        return size

    def selections(self, selection_set: SelectionSetNode) -> _Size:
        size, names = _Size(), set[str]()
        self._add(size, names, selection_set)
        return size

    def _add(self, size: _Size, names: set[str], selection_set: SelectionSetNode) -> None:
        for node in selection_set.selections:
            size.directives += self.directives(node)
            match node:
                case FieldNode():
                    size.add(self._field(node, names))
                case InlineFragmentNode():
                    self._add(size, names, node.selection_set)
                case FragmentSpreadNode():
                    size.add(self.fragment(node.name.value))

    def _field(self, node: FieldNode, names: set[str]) -> _Size:
        name = (node.alias or node.name).value
        self.repeated += name in names
        names.add(name)
        if node.alias is not None:
            self.longest_alias = max(self.longest_alias, len(name))
        inner = self.selections(node.selection_set) if node.selection_set else _Size()
        return _Size(inner.depth + 1, inner.aliases + (node.alias is not None), inner.directives, 1)


def check_size(document: DocumentNode) -> None:
    """The document is within every limit that does not depend on the schema.

    Raises RejectedError, which names the limit.
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    _at_most(len(document.definitions), MAX_FRAGMENTS, "too_many_fragments", "{} operations and fragments")
    walk = _SizeWalk(fragments)
    for name in fragments:
        walk.fragment(name)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            _check_operation(document, operation, walk)
    _at_most(walk.most_directives, MAX_DIRECTIVES_TOGETHER, "too_many_directives", "{} directives at one place")
    _at_most(walk.longest_alias, MAX_ALIAS, "alias_too_long", "an alias of {} characters")
    _at_most(walk.repeated, MAX_REPEATED, "too_many_repeated_fields", "{} fields that repeat one beside them")


def _check_operation(document: DocumentNode, operation: OperationDefinitionNode, walk: _SizeWalk) -> None:
    size = walk.selections(operation.selection_set)
    _at_most(size.fields, MAX_ROOT_FIELDS, "too_many_root_fields", "{} fields at its root")
    _at_most(size.aliases, MAX_ALIASES, "too_many_aliases", "{} aliases")
    declared = sum(walk.directives(variable) for variable in operation.variable_definitions or ())
    directives = size.directives + walk.directives(operation) + declared
    _at_most(directives, MAX_DIRECTIVES, "too_many_directives", "{} directives")
    only_introspects = root_names(document, operation) <= INTROSPECTION | {"__typename"}
    depth = MAX_INTROSPECTION_DEPTH if only_introspects else MAX_DEPTH
    _at_most(size.depth, depth, "query_too_deep", "{} levels of fields")


def _at_most(count: int, allowed: int, code: str, what: str) -> None:
    if count > allowed:
        size = what.format(count if count < _CEILING else "far too many")
        raise RejectedError.beyond(code, f"The document has {size}; at most {allowed} are allowed.", allowed)


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> list[FieldNode]:
    """Returns the fields at the operation's root, also those in fragments."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    fields, spread, waiting = list[FieldNode](), set[str](), [operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            match node:
                case FieldNode():
                    fields.append(node)
                case InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in spread and node.name.value in fragments:
                    spread.add(node.name.value)
                    waiting.append(fragments[node.name.value].selection_set)
    return fields


def root_names(document: DocumentNode, operation: OperationDefinitionNode) -> set[str]:
    """Returns the names of the fields at the operation's root."""
    return {node.name.value for node in root_fields(document, operation)}
