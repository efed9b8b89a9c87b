"""Finds the numbers in the text of a document that would be changed when they are read."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FloatValueNode,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    visit,
)

from enginehouse.domain.errors import Problem
from enginehouse.domain.numbers import is_exact, unfit


def inexact_numbers(document: DocumentNode) -> list[Problem]:
    """Returns the problem of each such number. A path begins inside the argument `input`."""
    finder = _Finder()
    visit(document, finder)
    return finder.problems


class _Finder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[Problem] = []

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self.problems += _problems(node.value, "" if node.name.value == "input" else node.name.value)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        if node.default_value is not None:
            self.problems += _problems(node.default_value, "")


def _problems(node: ValueNode, path: str) -> Iterator[Problem]:
    match node:
        case ListValueNode():
            for index, item in enumerate(node.values):
                yield from _problems(item, f"{path}[{index}]")
        case ObjectValueNode():
            for field in node.fields:
                yield from _problems(field.value, f"{path}.{field.name.value}" if path else field.name.value)
        case FloatValueNode():
            if not is_exact(node.value):
                yield Problem(path, unfit(node.value), node.value[:40])
