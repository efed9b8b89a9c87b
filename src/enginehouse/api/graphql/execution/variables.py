"""Finds out why the variables of a request do not fit: every reason with its path, in the same words as REST."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_input_type,
    type_from_ast,
)
from graphql.pyutils import Undefined

from enginehouse.domain.errors import InvalidInput, Problem, excerpt

# What built-in scalars allow. The errors of the contract's own scalars say it themselves.
_ALLOWED = {
    "Int": "integer from -2147483648 to 2147483647",
    "Float": "number",
    "String": "string",
    "Boolean": "true or false",
    "ID": "string",
}


def find_problems(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, Any]
) -> list[Problem]:
    """Returns all reasons, at most 50, why `values` are not valid variables of the operation.

    A path begins inside the variable (`tasks[0].engineId`), because the client chose the variable's name. If the whole
    variable is wrong, the path is its name.
    """
    problems: list[Problem] = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        type_ = type_from_ast(schema, definition.type)
        if not is_input_type(type_) or (name not in values and definition.default_value is not None):
            continue
        for problem in _walk(type_, values.get(name, Undefined), ""):
            problems.append(problem if problem.path else Problem(name, problem.text, problem.value, problem.allowed))
            if len(problems) == InvalidInput.LIMIT:
                return problems
    return problems


def value_problems(type_: GraphQLInputType, value: Any) -> list[Problem]:
    """Returns all reasons, at most 50, why `value` is not valid for the type. Paths begin inside the value."""
    return list(islice(_walk(type_, value, ""), InvalidInput.LIMIT))


def _walk(type_: GraphQLInputType, value: Any, path: str) -> Iterator[Problem]:
    if isinstance(type_, GraphQLNonNull):
        if value is None or value is Undefined:
            yield Problem(path, "required.")
        else:
            yield from _walk(type_.of_type, value, path)
        return
    if value is None or value is Undefined:
        return
    match type_:
        case GraphQLList() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(type_.of_type, item, f"{path}[{index}]")
        case GraphQLList():
            yield from _walk(type_.of_type, value, path)  # one item means a list of that item
        case GraphQLInputObjectType():
            yield from _fields(type_, value, path)
        case GraphQLEnumType():
            if not isinstance(value, str) or value not in type_.values:
                yield _not(path, _words(list(type_.values)), value)
        case GraphQLScalarType():
            yield from _scalar(type_, value, path)


def _fields(type_: GraphQLInputObjectType, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _not(path, "object", value)
        return
    for name in value.keys() - type_.fields.keys():
        near = get_close_matches(name, type_.fields, 1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        yield Problem(_below(path, name), f"unknown field.{hint}")
    for name, field in type_.fields.items():
        yield from _walk(field.type, value.get(name, field.default_value), _below(path, name))


def _scalar(type_: GraphQLScalarType, value: Any, path: str) -> Iterator[Problem]:
    try:
        type_.parse_value(value)
    except (GraphQLError, ValueError, TypeError) as error:
        allowed = _ALLOWED.get(type_.name)
        if allowed is not None:
            yield _not(path, allowed, value)
        else:
            text = str(error).removeprefix(f"{type_.name} {excerpt(value)}: ").removeprefix(f"{type_.name}: ")
            yield Problem(path, text, excerpt(value))


def _not(path: str, allowed: str, value: Any) -> Problem:
    return Problem(path, f"{allowed}, got {excerpt(value)}.", excerpt(value), allowed)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _words(words: list[str]) -> str:
    return " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
