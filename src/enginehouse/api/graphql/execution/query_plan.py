"""Executes queries by a plan that is compiled once for each document.

For a query without directives and abstract types everything but the values is known beforehand: which fields each
object has, who resolves them, and what the result of each becomes. The library finds that out again for every object.
(GraphQL specification, §6)

A plan has no words for errors. If anything goes wrong, it gives up, and the library executes the query from the start.
A query changes nothing, so that this is safe, and every answer with an error is the library's own.
"""

from collections.abc import Mapping
from typing import Any

from enginehouse.api.graphql.execution.plan_input import VariablePlan
from enginehouse.api.graphql.execution.plan_steps import Execution, Fields, PlannedOperation, object_of


class QueryPlan:
    """How a query is answered."""

    def __init__(self, planned: PlannedOperation, variables: VariablePlan, root: Fields, count: int) -> None:
        self._planned = planned
        self._variables = variables
        self._root = root
        self._count = count

    async def execute(
        self, context: Any, variables: Mapping[str, Any], literals: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Returns the data of the answer, None if the library must execute the query."""
        try:
            values = self._variables.read(variables, literals)
        except Exception:
            return None
        run = Execution(self._planned, context, values, [None] * self._count)
        try:
            data = object_of(self._root, None, run)
            await run.all_values()
        except Exception:
            await run.settle()
            return None
        return data
