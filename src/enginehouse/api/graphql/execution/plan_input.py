"""Reads the variables and the arguments of a plan: what each value becomes is known beforehand, from its type.

Values become exactly what the library makes of them. A value that does not fit raises, and the library says why.
(GraphQL specification, §6.1.2 and §6.4.1)
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    VariableNode,
    get_nullable_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_argument_values
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_literal
from graphql.utilities.coerce_input_value import coerce_default_value

Read = Callable[[Any], Any]
"""Turns a value of JSON into the value of an input. Null stays None."""

_MOST_ORDERS: Final = 64  # of the names of an object; another one is found out each time
_UNCHANGED: Final[dict[Any, type]] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class GivenUpError(Exception):
    """The values are not as the schema says, or the plan cannot tell. The library says what is wrong."""


class NoPlanError(Exception):
    """The document has something that no plan has."""


def reader(kind: GraphQLInputType) -> Read:
    """Returns what reads values of this type. Raises NoPlanError if only the library reads them."""
    if isinstance(kind, GraphQLNonNull):
        return _required(reader(kind.of_type))
    if isinstance(kind, GraphQLList):
        return _listed(reader(kind.of_type), _passing(kind.of_type))
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind)
    if type(kind) is GraphQLEnumType:
        return _enum({name: each.value for name, each in kind.values.items() if each.value is not Undefined})
    return _leaf(kind.coerce_input_value)


def _required(read: Read) -> Read:
    def read_required(value: Any) -> Any:
        if value is None:
            raise GivenUpError
        return read(value)

    return read_required


def _leaf(coerce: Read) -> Read:
    def read_leaf(value: Any) -> Any:
        return None if value is None else _defined(coerce(value))

    return read_leaf


def _enum(values: dict[str, Any]) -> Read:
    def read_enum(value: Any) -> Any:
        return None if value is None else values[value]

    return read_enum


def _listed(read: Read, passes: type | None) -> Read:
    def read_list(value: Any) -> Any:
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]  # one item means a list of that item
        return [item if item.__class__ is passes else read(item) for item in items]

    return read_list


class _InputField(NamedTuple):
    """How a field of an input object is read: a value of the class `passes` stays as it is."""

    given: str
    name: str
    read: Read
    passes: type | None


@lru_cache(1024)
def _object(kind: GraphQLInputObjectType) -> Read:
    if kind.is_one_of or kind.out_type is not GraphQLInputObjectType.out_type:
        raise NoPlanError
    orders: dict[tuple[str, ...], list[_InputField]] = {}  # by the names of an object, as the client writes them

    def order_of(names: tuple[str, ...]) -> list[_InputField]:
        # At the first such object, because a type may have fields of its own type.
        order = _order(kind, frozenset(names))
        if len(orders) < _MOST_ORDERS:
            orders[names] = order
        return order

    def read_object(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise GivenUpError
        names = tuple(value)
        out: dict[str, Any] = {}
        for given, name, read, passes in orders.get(names) or order_of(names):
            each = value.get(given)
            out[name] = each if each.__class__ is passes else read(each)
        return out

    return read_object


def _order(kind: GraphQLInputObjectType, names: frozenset[str]) -> list[_InputField]:
    """Returns how an object with these names is read: in the order of the type, and with its defaults."""
    if not names <= kind.fields.keys():
        raise GivenUpError
    order: list[_InputField] = []
    for given, field in kind.fields.items():
        if given in names:
            order.append(_InputField(given, field.out_name or given, reader(field.type), _passing(field.type)))
        elif is_required_input_field(field):
            raise GivenUpError
        elif coerce_default_value(field) is not Undefined:
            order.append(_InputField(given, field.out_name or given, partial(_default, field), None))
    return order


def _default(field: GraphQLInputField, _: None) -> Any:
    return coerce_default_value(field)


def _passing(kind: GraphQLInputType) -> type | None:
    return _UNCHANGED.get(get_nullable_type(kind))


def _defined(value: Any) -> Any:
    if value is Undefined:
        raise GivenUpError
    return value


class VariablePlan:
    """How the variables of an operation are read."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        """Raises NoPlanError."""
        self._variables: list[tuple[GraphQLVariableSignature, Read]] = []
        for definition in operation.variable_definitions or ():
            signature = get_variable_signature(schema, definition)
            if not isinstance(signature, GraphQLVariableSignature):
                raise NoPlanError
            self._variables.append((signature, reader(signature.type)))

    def read(self, given: Mapping[str, Any], literals: Mapping[str, Any]) -> VariableValues:
        """Returns the values, with those of the literals. Raises whatever a value that does not fit raises."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, read in self._variables:
            name = signature.name
            if name in given:
                value = given[name]
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = read(value)
                continue
            sources[name] = VariableValueSource(signature)
            if signature.default is not None and signature.default.literal is not None:
                coerced[name] = _defined(coerce_input_literal(signature.default.literal, signature.type))
            elif isinstance(signature.type, GraphQLNonNull):
                raise GivenUpError
        coerced.update(literals)
        return VariableValues(sources, coerced)


class _FromVariable(NamedTuple):
    """An argument whose value is a variable. `otherwise` is its value if the variable has none."""

    key: str
    variable: str
    required: bool
    otherwise: Any


class ArgumentPlan:
    """How the arguments of a field are read: those that the document leaves out, variables, and all others."""

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        absent = {name: each for name, each in definition.args.items() if name not in given}
        self._node = node
        self.known: dict[str, Any] = get_argument_values(
            GraphQLField(definition.type, absent), FieldNode(name=node.name)
        )
        self._variables: list[_FromVariable] = []
        others: dict[str, GraphQLArgument] = {}
        for name, value in given.items():
            argument = definition.args[name]
            if isinstance(value, VariableNode):
                self._variables.append(_from_variable(name, argument, value))
            else:
                others[name] = argument
        self._others = GraphQLField(definition.type, others) if others else None

    def read(self, values: VariableValues) -> dict[str, Any]:
        """Returns the arguments with these variables. Raises GivenUpError, GraphQLError."""
        if not self._variables and self._others is None:
            return self.known
        arguments = self.known.copy()
        coerced = values.coerced
        for key, variable, required, otherwise in self._variables:
            value = coerced.get(variable, otherwise)
            if value is not Undefined:
                arguments[key] = value
            if required and (value is None or value is Undefined):
                raise GivenUpError
        if self._others is not None:
            arguments |= get_argument_values(self._others, self._node, values)
        return arguments


def _from_variable(name: str, argument: GraphQLArgument, value: VariableNode) -> _FromVariable:
    required = isinstance(argument.type, GraphQLNonNull)
    otherwise = Undefined if is_required_argument(argument) else coerce_default_value(argument)
    return _FromVariable(argument.out_name or name, value.name.value, required, otherwise)
