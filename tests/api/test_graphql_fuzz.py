"""Documents that the schema allows, written by chance, never make the server fail, and get data of the schema's form.

`make test` sends a few hundred, always the same; `make chaos` many more, others each time; a failure names the seed.
"""

import json
import os
import random
from collections.abc import Sequence
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_nullable_type,
    parse,
)
from graphql.language import SelectionSetNode
from tests.api.clients import Api
from tests.api.extremes import Door
from tests.api.fuzzed_documents import Writer
from tests.api.root_calls import own_things, root_type
from tests.api.verbs import GRAPHQL
from tests.thorough import THOROUGH

COUNT: Final = 20_000 if THOROUGH else 300
SEED: Final = int(os.environ.get("CHAOS_SEED") or (random.SystemRandom().randrange(10**9) if THOROUGH else 9))
KINDS: Final = {"Int": int, "BigInt": int, "Boolean": bool, "String": str, "ID": str, "DateTime": str, "Float": float}


class Form:
    """The form that the data of a document must have."""

    def __init__(self, text: str) -> None:
        self.has_directives = "@" in text
        definitions = parse(text).definitions
        self.fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
        [self.operation] = [one for one in definitions if isinstance(one, OperationDefinitionNode)]

    def problems(self, data: Any) -> list[str]:
        """Returns what of the data has another form."""
        root = root_type(self.operation.operation.value.capitalize())
        return self._object(root, [self.operation.selection_set], data, "")

    def _fields(self, *selections: SelectionSetNode) -> dict[str, list[FieldNode]]:
        found = dict[str, list[FieldNode]]()
        for node in (node for each in selections for node in each.selections):
            match node:
                case FieldNode():
                    found.setdefault((node.alias or node.name).value, []).append(node)
                    continue
                case InlineFragmentNode():
                    inside = node.selection_set
                case FragmentSpreadNode():
                    inside = self.fragments[node.name.value].selection_set
                case _:
                    raise AssertionError(node)
            for key, nodes in self._fields(inside).items():
                found.setdefault(key, []).extend(nodes)
        return found

    def _object(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionSetNode], data: Any, path: str
    ) -> list[str]:
        if not isinstance(data, dict):
            return [f"{path}: {data!r:.100} is no object"]
        fields, found = self._fields(*selections), list[str]()
        for key, value in data.items():
            if key not in fields:
                found.append(f"{path}.{key}: nobody asked for it")
                continue
            node = fields[key][0]
            name = node.name.value
            if name == "__typename":
                found += [] if value == type_.name else [f"{path}.{key}: {value!r} is not {type_.name}"]
            else:
                found += self._value(type_.fields[name].type, fields[key], value, f"{path}.{key}")
        # What a directive leaves out is the only thing that may be missing.
        missing = [] if self.has_directives else [key for key in fields if key not in data]
        return found + [f"{path}.{key} is missing" for key in missing]

    def _value(self, type_: Any, nodes: list[FieldNode], value: Any, path: str) -> list[str]:
        if value is None:
            return [f"{path}: null is not allowed"] if isinstance(type_, GraphQLNonNull) else []
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList):
            if not isinstance(value, list):
                return [f"{path}: {value!r:.100} is no list"]
            inside = (self._value(type_.of_type, nodes, one, f"{path}[{at}]") for at, one in enumerate(value))
            return [problem for each in inside for problem in each]
        if isinstance(type_, GraphQLObjectType):
            return self._object(type_, [node.selection_set for node in nodes if node.selection_set], value, path)
        if isinstance(type_, GraphQLEnumType):
            return [] if value in type_.values else [f"{path}: {value!r:.100} is none of {type_.name}"]
        kind = KINDS.get(str(type_))
        if kind is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            return []
        return [] if kind is float and isinstance(value, int) else [f"{path}: {value!r:.100} is no {type_}"]


async def test_no_document_makes_the_server_fail_and_every_answer_has_the_form_of_the_schema(sqlite_api: Api) -> None:
    things = await own_things(sqlite_api)
    sqlite_api.house.bad_tokens.allowed = 1_000_000
    door, chance, answered = Door(sqlite_api.house, sqlite_api.graphql.token), random.Random(SEED), 0
    for number in range(COUNT):
        body = Writer(random.Random(chance.random()), things).document()
        response = await door.post(GRAPHQL, body, about=body)
        about = (f"CHAOS_SEED={SEED}", number, body, response.status, response.body[:1000])
        assert response.status in {200, 400}, about
        answer = json.loads(response.body)
        assert set(answer) <= {"data", "errors"}, about
        for error in answer.get("errors", []):
            assert {"message", "name", "time_thrown", "data"} <= set(error) <= {
                "message", "name", "time_thrown", "data", "path", "locations",
            }, about  # fmt: skip
        assert ("data" in answer) == (response.status == 200), about
        if answer.get("data") is not None:
            answered += "errors" not in answer
            assert Form(body["query"]).problems(answer["data"]) == [], about
    assert not door.failed, "\n".join([f"CHAOS_SEED={SEED}", *door.failed])
    assert answered > COUNT / 10
