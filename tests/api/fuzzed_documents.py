"""Documents that the schema allows, written by chance: fields, fragments, directives, aliases, arguments.

A value may be usual, an extreme, or of another type, and stand in the text or in a variable.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)
from tests.api.extremes import ANYTHING, TEXTS
from tests.api.root_calls import root_type
from tests.api.test_extremes import extremes_of, smallest

# They take away what the other documents are about, or open what they should not.
LEFT_OUT: Final = {"deleteUser", "updateUserStatus", "userLogout", "changePassword"}
DEEPEST: Final = 5
CONDITION: Final = GraphQLNonNull(GraphQLBoolean)


@dataclass
class Writer:
    """Writes one document with up to `most` fields of one of the `roots`. `things` are the caller's ids by kind."""

    chance: random.Random
    things: dict[str, str]
    roots: Sequence[str] = ("Query", "Query", "Query", "Mutation")
    most: int = 3
    variables: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Returns the body of a request."""
        root = self.chance.choice(self.roots)
        names = [name for name in root_type(root).fields if name not in LEFT_OUT]
        chosen = [self.field(name, root_type(root).fields[name], 0) for name in self._some(names, self.most)]
        heads = ", ".join(f"${name}: {type_}" for name, type_ in self.declared.items())
        head = f"{root.lower()} Q{f'({heads})' if heads else ''}"
        text = " ".join([head, "{", *chosen, "}", *self.fragments])
        variables: Any = self.variables
        if self.chance.random() < 0.1:
            variables = json.dumps(variables)
        return {"query": text, "variables": variables, "operationName": self.chance.choice(["Q", None])}

    def field(self, name: str, declared: GraphQLField, depth: int) -> str:
        alias = f"{self.chance.choice(['a', 'id', name])}{self.chance.randint(0, 9)}: " if self._now(0.2) else ""
        given = [
            f"{key}: {self.value(f'{name} {key}', arg.type)}"
            for key, arg in declared.args.items()
            if is_required_argument(arg) or key == "input" or self._now(0.3)
        ]
        arguments = f"({', '.join(given)})" if given else ""
        type_ = get_named_type(declared.type)
        inner = self.selection(type_, depth + 1) if is_composite_type(type_) else ""
        return f"{alias}{name}{arguments}{self.directive()} {inner}"

    def selection(self, type_: Any, depth: int) -> str:
        """Returns fields of the type in braces, some of them in fragments."""
        if not isinstance(type_, GraphQLObjectType):
            return "{ __typename }"
        names = [
            name for name, each in type_.fields.items()
            if depth < DEEPEST or not is_composite_type(get_named_type(each.type))
        ]  # fmt: skip
        chosen = [self.field(name, type_.fields[name], depth) for name in self._some(names, 4)] or ["__typename"]
        if self._now(0.15):
            chosen.append(f"... on {type_.name}{self.directive()} {{ {chosen.pop()} }}")
        if self._now(0.1):
            self.fragments.append(f"fragment F{len(self.fragments)} on {type_.name} {{ {chosen.pop()} }}")
            chosen.append(f"...F{len(self.fragments) - 1}{self.directive()}")
        return "{ " + " ".join(chosen) + " }"

    def directive(self) -> str:
        if not self._now(0.1):
            return ""
        return f" @{self.chance.choice(['skip', 'include'])}(if: {self.value('if', CONDITION)})"

    def value(self, name: str, type_: Any) -> str:
        """Returns a value of an argument, as text or as the name of a variable."""
        value = self.plain(name, type_)
        if self._now(0.5) and (text := literal(value, type_)) is not None:
            return text
        variable = f"v{len(self.declared)}"
        self.declared[variable] = str(type_)
        if not self._now(0.03):
            self.variables[variable] = value
        return f"${variable}"

    def plain(self, name: str, type_: Any, depth: int = 0) -> Any:
        """Returns a value of an input type as JSON has it."""
        if not isinstance(type_, GraphQLNonNull) and self._now(0.1):
            return None
        type_ = get_nullable_type(type_)
        if self._now(0.03):
            return self.chance.choice(ANYTHING + TEXTS[:12])
        if isinstance(type_, GraphQLList):
            return [self.plain(name, type_.of_type, depth) for _ in range(self.chance.choice([0, 1, 1, 2, 3]))]
        if isinstance(type_, GraphQLInputObjectType):
            return {
                key: self.plain(f"{name} {key}", one.type, depth + 1)
                for key, one in type_.fields.items()
                if is_required_input_field(one) or (depth < 4 and self._now(0.3))
            }
        if self._now(0.15):
            return self.chance.choice(extremes_of(name.rpartition(" ")[2], type_))
        if isinstance(type_, GraphQLEnumType):
            return self.chance.choice(list(type_.values))
        return smallest(name, type_, self.things)

    def _some(self, names: list[str], most: int) -> list[str]:
        return self.chance.sample(names, min(len(names), self.chance.randint(1, most)))

    def _now(self, probability: float) -> bool:
        return self.chance.random() < probability


def literal(value: Any, type_: Any) -> str | None:
    """Returns the value as a document writes it; None if it has no such form there."""
    type_ = get_nullable_type(type_)
    match value:
        case None:
            return "null"
        case str() if isinstance(type_, GraphQLEnumType):
            return value if value.isidentifier() else json.dumps(value)
        case dict():
            of = type_.fields if isinstance(type_, GraphQLInputObjectType) else {}
            parts = {key: literal(inner, of[key].type if key in of else None) for key, inner in value.items()}
            if None in parts.values() or not all(key.isidentifier() and key.isascii() for key in parts):
                return None
            return "{" + ", ".join(f"{key}: {text}" for key, text in parts.items()) + "}"
        case list():
            inner = getattr(type_, "of_type", None)
            texts = [literal(one, inner) for one in value[:50]]
            return None if None in texts else "[" + ", ".join(filter(None, texts)) + "]"
        case str() | bool() | int() | float() if len(str(value)[:9999]) < 5000:
            return json.dumps(value)
    return None
