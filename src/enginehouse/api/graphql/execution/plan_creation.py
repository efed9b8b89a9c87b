"""Makes the plan of an operation from its document: which fields each object has, and what becomes of each result."""

from collections.abc import Iterator, Sequence
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
)

from enginehouse.api.graphql.execution.answer_cache import AnswerCache
from enginehouse.api.graphql.execution.mutation_plan import MutationPlan
from enginehouse.api.graphql.execution.plan_input import ArgumentPlan, NoPlanError, VariablePlan
from enginehouse.api.graphql.execution.plan_steps import (
    Complete,
    Fields,
    FieldStep,
    PlannedOperation,
    kept,
    leaf,
    listed,
    listed_objects,
    nested,
    required,
)
from enginehouse.api.graphql.execution.query_plan import QueryPlan

OperationPlan = QueryPlan | MutationPlan

_TEXTS: Final = frozenset({GraphQLString, GraphQLID})
_MOST_FIELDS: Final = 2_000  # of a plan, which takes about 1 KB for each


def plan_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    answers: AnswerCache | None = None,
) -> OperationPlan | None:
    """Returns the plan of the operation, None if only the library can execute it. The document is valid.

    With `answers` the plan of a query keeps there what it has answered.
    """
    root = schema.get_root_type(operation.operation)
    if operation.directives or root is None:
        return None
    compiler = _Compiler(schema, document, answers if operation.operation is OperationType.QUERY else None)
    try:
        variables = VariablePlan(schema, operation)
        fields = compiler.fields(root, [operation.selection_set])
        planned = PlannedOperation(schema, compiler.fragments, operation)
        match operation.operation:
            case OperationType.QUERY:
                return QueryPlan(planned, variables, fields, compiler.count)
            case OperationType.MUTATION:
                return MutationPlan(planned, variables, fields, compiler.count)
            case OperationType.SUBSCRIPTION:
                return None
    except NoPlanError:
        return None


class _Compiler:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, answers: AnswerCache | None) -> None:
        self._schema = schema
        self._answers = answers
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.count = 0

    def fields(self, parent: GraphQLObjectType, selected: Sequence[SelectionSetNode]) -> Fields:
        """Returns the fields that these selections have of an object of this type. Raises NoPlanError."""
        nodes: dict[str, list[FieldNode]] = {}
        seen = set[str]()
        for selections in selected:
            for node in self._nodes(parent, selections, seen):
                nodes.setdefault((node.alias or node.name).value, []).append(node)
        steps = [self._field(parent, key, found) for key, found in nodes.items()]
        return tuple([(step.key, step.number, step.resolve, step.passes, step.words, step) for step in steps])

    def _nodes(self, parent: GraphQLObjectType, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if node.directives:
                raise NoPlanError
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode(type_condition=condition):
                    if condition is None or self._applies(condition.name.value, parent):
                        yield from self._nodes(parent, node.selection_set, seen)
                case FragmentSpreadNode():
                    name = node.name.value
                    fragment = self.fragments[name]
                    if fragment.directives or node.arguments:
                        raise NoPlanError
                    if name not in seen and self._applies(fragment.type_condition.name.value, parent):
                        seen.add(name)
                        yield from self._nodes(parent, fragment.selection_set, seen)
                case _:
                    raise NoPlanError

    def _applies(self, condition: str, parent: GraphQLObjectType) -> bool:
        found = self._schema.get_type(condition)
        return found is parent or (is_abstract_type(found) and self._schema.is_sub_type(found, parent))

    def _field(self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> FieldStep:
        name = nodes[0].name.value
        definition = self._schema.get_field(parent, name)
        if definition is None or (name.startswith("__") and name != "__typename"):
            raise NoPlanError
        self.count += 1
        number = self.count - 1
        if number >= _MOST_FIELDS:
            raise NoPlanError
        complete, kind = self._complete(definition.type, nodes), get_nullable_type(definition.type)
        words = {word: word for word in kind.values} if isinstance(kind, GraphQLEnumType) and _by_name(kind) else None
        passes = str if kind in _TEXTS else None
        arguments = ArgumentPlan(definition, nodes[0])
        return FieldStep(
            number, key, name, definition, arguments, nodes, parent, definition.resolve, complete, passes, words
        )

    def _complete(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return required(self._complete(kind.of_type, nodes))
        if isinstance(kind, GraphQLList):
            return self._complete_list(kind.of_type, nodes)
        if is_leaf_type(kind):
            return leaf(kind.coerce_output_value)
        if not isinstance(kind, GraphQLObjectType) or kind.is_type_of is not None:
            raise NoPlanError
        fields = self._selected(kind, nodes)
        return self._kept(kind, fields) or nested(fields)

    def _kept(self, kind: GraphQLObjectType, fields: Fields) -> Complete | None:
        """Returns what completes objects of this type with answers that are kept, None if they cannot be."""
        answers, nodes = self._answers, [node for *_, step in fields for node in step.nodes]
        if answers is None or kind.name not in answers.classes or not answers.holds(self._schema, kind, nodes):
            return None
        return kept(fields, answers, answers.classes[kind.name])

    def _complete_list(self, kind: GraphQLOutputType, nodes: list[FieldNode]) -> Complete:
        item = get_nullable_type(kind)
        if not isinstance(item, GraphQLObjectType) or item.is_type_of is not None:
            return listed(self._complete(kind, nodes))
        fields = self._selected(item, nodes)
        if (complete := self._kept(item, fields)) is not None:
            return listed(complete if kind is item else required(complete))
        return listed_objects(fields, nested(fields) if kind is item else required(nested(fields)))

    def _selected(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Fields:
        return self.fields(kind, [node.selection_set for node in nodes if node.selection_set])


def _by_name(kind: GraphQLEnumType) -> bool:
    """Returns True if each word of the enum stands for itself."""
    return all(each.value == word for word, each in kind.values.items())
