"""Answers questions about the schema: once for each text, in a thread, and not too many new ones for a caller.

The answers are large, and no database is asked for them, so nothing else would bound them. The whole schema takes some
100 ms of processor time. In a thread it delays nobody, and equal texts are answered from memory.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
)

from enginehouse.api.graphql.execution import limits
from enginehouse.api.graphql.execution.cost import Cost
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.domain.errors import CapacityExceeded

MAX_COST: Final = 500_000  # the usual introspection query costs 450 000
MAX_COST_BESIDE_OTHERS: Final = 5_000  # if the operation has other fields too, which run on the event loop
MAX_TYPES: Final = 10
MAX_BYTES: Final = 8 * 1024 * 1024
NEW_TEXTS: Final = 10
SECONDS_FOR_ANOTHER: Final = 6.0
_CALLERS: Final = 1024

_encode: Final = msgspec.json.Encoder().encode


def check(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    """Returns True if the operation asks for nothing but the schema. Raises RejectedError if it asks for too much."""
    roots = limits.root_fields(document, operation)
    names = {node.name.value for node in roots}
    if not names & limits.INTROSPECTION:
        return False
    _check_repeated(document, [node for node in roots if node.name.value in limits.INTROSPECTION])
    alone = names <= limits.INTROSPECTION | {"__typename"}
    allowed = MAX_COST if alone else MAX_COST_BESIDE_OTHERS
    cost = Cost(schema, document, operation, only=limits.INTROSPECTION).sum({})
    if cost > allowed:
        message = f"The operation asks for about {cost} fields of the schema; at most {allowed} are allowed."
        raise RejectedError.beyond("query_too_costly", message, allowed)
    return alone


def _check_repeated(document: DocumentNode, roots: list[FieldNode]) -> None:
    """The operation asks for nothing of the schema again under another name. Raises RejectedError."""
    keys = {(node.name.value, (node.alias or node.name).value) for node in roots}
    schemas = sum(name == "__schema" for name, _ in keys)
    if schemas > 1 or len(keys) - schemas > MAX_TYPES or any(_has_alias(document, node) for node in roots):
        message = f"Ask for the schema once, for at most {MAX_TYPES} types, and without aliases inside."
        raise RejectedError.beyond("query_too_costly", message, MAX_TYPES)


def _has_alias(document: DocumentNode, root: FieldNode) -> bool:
    """Returns True if a field inside has an alias."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    spread, waiting = set[str](), [root.selection_set]
    while waiting:
        selection_set = waiting.pop()
        for node in selection_set.selections if selection_set else ():
            match node:
                case FieldNode() if node.alias is not None:
                    return True
                case FieldNode() | InlineFragmentNode():
                    waiting.append(node.selection_set)
                case FragmentSpreadNode() if node.name.value not in spread:
                    spread.add(node.name.value)
                    waiting.append(fragments[node.name.value].selection_set)
    return False


class Introspection:
    """The answers given last, up to a number of bytes, and what each caller may still ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[Any, bytes] = OrderedDict()
        self.kept_bytes = 0
        self._turn = asyncio.Lock()
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()  # by caller: new texts, and when that was

    async def answer(self, key: Any, caller: int, execute: Callable[[], ExecutionResult]) -> bytes | ExecutionResult:
        """Returns the answer as JSON, or the result if it has errors. Raises CapacityExceeded."""
        raw = self._find(key)
        if raw is not None:
            return raw
        self._pay(caller)
        async with self._turn:
            raw = self._find(key)
            if raw is not None:
                return raw
            result, raw = await asyncio.to_thread(_run, execute)
        if raw is None:
            return result
        self._keep(key, raw)
        return raw

    def _find(self, key: Any) -> bytes | None:
        raw = self._answers.get(key)
        if raw is not None:
            self._answers.move_to_end(key)
        return raw

    def _keep(self, key: Any, raw: bytes) -> None:
        if len(raw) > MAX_BYTES // 2:
            return
        self._answers[key] = raw
        self.kept_bytes += len(raw)
        while self.kept_bytes > MAX_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self.kept_bytes -= len(oldest)

    def _pay(self, caller: int) -> None:
        now = self._clock()
        left, since = self._left.pop(caller, (float(NEW_TEXTS), now))
        left = min(float(NEW_TEXTS), left + (now - since) / SECONDS_FOR_ANOTHER)
        self._left[caller] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        if left < 1:
            raise CapacityExceeded(
                "The organization has sent too many different questions about the schema. Repeat one of them, which "
                f"has no limit, or try again in {SECONDS_FOR_ANOTHER:g} seconds.",
                retry_after=int(SECONDS_FOR_ANOTHER),
            )


def _run(execute: Callable[[], ExecutionResult]) -> tuple[ExecutionResult, bytes | None]:
    result = execute()
    return result, None if result.errors else _encode(result.data)
