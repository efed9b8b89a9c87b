"""Executes a request: it finds or prepares the document, reads the variables, and resolves the fields."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from graphql import ExecutionResult, Executor, GraphQLError, GraphQLSchema, OperationDefinitionNode

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.errors import describe
from enginehouse.api.graphql.execution import introspection, limits, variables
from enginehouse.api.graphql.execution.answer_cache import AnswerCache
from enginehouse.api.graphql.execution.cost import Cost
from enginehouse.api.graphql.execution.documents import MAX_ERRORS, NOT_VALID, BoundDocument, DocumentCache
from enginehouse.api.graphql.execution.introspection import Introspection
from enginehouse.api.graphql.execution.mutation_plan import RestOfMutation, Stopped, replay
from enginehouse.api.graphql.execution.plan_creation import OperationPlan, plan_of
from enginehouse.api.graphql.execution.plan_steps import is_awaitable
from enginehouse.api.graphql.execution.rejection import BodyTooLargeError, RejectedError
from enginehouse.domain.errors import AuthenticationFailed, CapacityExceeded, InvalidInput, Unavailable

Response = tuple[int, dict[str, Any]]
"""The HTTP status and the body."""

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class GraphQLRequest(msgspec.Struct, frozen=True):
    """A client's request, from a JSON or a multipart body."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None


class RequestExecutor:
    """Executes requests against a schema, with the cache of their documents, and of `answers` if there is one."""

    def __init__(self, schema: GraphQLSchema, answers: AnswerCache | None = None) -> None:
        self.schema = schema
        self._answers = answers
        self.documents = DocumentCache(schema)
        self._introspection = Introspection()

    async def execute(self, request: GraphQLRequest, context: Context) -> Response:
        """Returns the HTTP status and the body.

        The status is 200 if something was executed, 503 if the storage could not answer any field, else 400.
        """
        bound: BoundDocument | None = None
        try:
            bound = self.documents.find(request.query, known=context.known_principal is not None)
            operation = self._operation(bound, request.operation_name)
            self._check_cost(bound, operation, request.variables)
            asks_for_schema = self._asks_for_schema(bound, operation)
            if context.key is not None:
                idempotency.check(bound.prepared.document, operation)
        except RejectedError as rejected:
            return rejection(rejected, request.query)
        if (
            context.known_principal is None
            and limits.root_names(bound.prepared.document, operation) & limits.INTROSPECTION
        ):
            return 200, {"data": None, "errors": [describe(_unauthenticated(context))]}
        if asks_for_schema:
            return await self._introspect(bound, operation, request, context)
        return await self._execute(bound, operation, request, context)

    async def _introspect(
        self, bound: BoundDocument, operation: OperationDefinitionNode, request: GraphQLRequest, context: Context
    ) -> Response:
        executor = self._executor(bound, operation, request, context)
        if isinstance(executor, list):
            return self._refused(executor, bound, operation, request, context)
        key = (request.query, request.operation_name, _encode(request.variables))
        try:
            answer = await self._introspection.answer(
                key, context.principal.organization_id, cast(Any, executor.execute_operation)
            )
        except CapacityExceeded as exceeded:
            error = GraphQLError(exceeded.message, original_error=exceeded)
            return exceeded.rest_status, {"data": None, "errors": [describe(error)]}
        if isinstance(answer, bytes):
            return 200, {"data": msgspec.Raw(answer)}
        return 200, _body(answer, bound, context, operation)

    async def _execute(
        self, bound: BoundDocument, operation: OperationDefinitionNode, request: GraphQLRequest, context: Context
    ) -> Response:
        plan = None if context.known_principal is None else self._plan(bound, operation)
        data = None if plan is None else await plan.execute(context, request.variables, bound.values)
        if data.__class__ is dict:
            return 200, {"data": data}
        stopped = data if isinstance(data, Stopped) else None
        executor = self._executor(bound, operation, request, context, stopped)
        if isinstance(executor, list):
            return self._refused(executor, bound, operation, request, context)
        result: Any = executor.execute_operation()
        if is_awaitable(result):
            result = await result
        return _status(result), _body(result, bound, context, operation)

    def _executor(
        self,
        bound: BoundDocument,
        operation: OperationDefinitionNode,
        request: GraphQLRequest,
        context: Context,
        stopped: Stopped | None = None,
    ) -> Executor[Any] | list[GraphQLError]:
        """Returns what executes the operation, or its rest if a plan has stopped; or why its variables do not fit."""
        executor = (Executor if stopped is None else RestOfMutation).build(
            self.schema,
            bound.prepared.document,
            context_value=context,
            raw_variable_values=dict(request.variables),
            operation_name=operation.name.value if operation.name else None,
            is_awaitable=is_awaitable,
            max_coercion_errors=MAX_ERRORS,
            middleware=None if stopped is None else [replay(stopped)],
        )
        if isinstance(executor, RestOfMutation) and stopped is not None:
            executor.stopped = stopped
        if not isinstance(executor, list):
            # The literals of the text are already read, exactly as execution would. They are added to the client's
            # variables.
            executor.variable_values.coerced.update(bound.values)
        return executor

    def _refused(
        self,
        errors: list[GraphQLError],
        bound: BoundDocument,
        operation: OperationDefinitionNode,
        request: GraphQLRequest,
        context: Context,
    ) -> Response:
        """Returns the response if the variables do not fit. A caller without a token learns no names of the schema."""
        if context.known_principal is None:
            return rejection(RejectedError.because(NOT_VALID), request.query)
        return rejection(RejectedError(self._own_errors(errors, operation, request)), request.query, bound)

    def _own_errors(
        self, errors: list[GraphQLError], operation: OperationDefinitionNode, request: GraphQLRequest
    ) -> list[GraphQLError]:
        """Returns the same refusal in our own words, if we have any."""
        problems = variables.find_problems(self.schema, operation, request.variables)
        if not problems:
            return errors
        refusal = InvalidInput(problems)
        return [GraphQLError(refusal.message, nodes=errors[0].nodes, original_error=refusal)]

    def _operation(self, bound: BoundDocument, name: str | None) -> OperationDefinitionNode:
        operation = bound.prepared.operation(name)
        if operation is None:
            fault = f"has no operation named {name!r}" if name else "has several operations; name one in operationName"
            raise RejectedError.because(f"The document {fault}.", field="operationName")
        return operation

    def _asks_for_schema(self, bound: BoundDocument, operation: OperationDefinitionNode) -> bool:
        known = bound.prepared.introspections
        if id(operation) not in known:
            known[id(operation)] = introspection.check(self.schema, bound.prepared.document, operation)
        return known[id(operation)]

    def _plan(self, bound: BoundDocument, operation: OperationDefinitionNode) -> OperationPlan | None:
        known = bound.prepared.plans
        if id(operation) not in known:
            known[id(operation)] = plan_of(self.schema, bound.prepared.document, operation, self._answers)
        return known[id(operation)]

    def _check_cost(
        self, bound: BoundDocument, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> None:
        costs = bound.prepared.costs
        cost = costs.get(id(operation))
        if cost is None:
            cost = costs[id(operation)] = Cost(self.schema, bound.prepared.document, operation)
        cost.check(variables)


def rejection(rejected: RejectedError, text: str, bound: BoundDocument | None = None) -> Response:
    """Returns the response to a request of which nothing was executed."""
    if isinstance(rejected, BodyTooLargeError):
        return rejected.status, {"errors": [rejected.error]}
    if bound is None:
        return rejected.status, {"errors": [describe(error, text=text) for error in rejected.errors[:MAX_ERRORS]]}
    errors = [describe(error, text=text, position=bound.position) for error in rejected.errors[:MAX_ERRORS]]
    return rejected.status, {"errors": errors}


def _status(result: ExecutionResult) -> int:
    if not result.errors or any(value is not None for value in (result.data or {}).values()):
        return 200
    unavailable = any(isinstance(error.original_error, Unavailable) for error in result.errors)
    return Unavailable.rest_status if unavailable else 200


def _body(
    result: ExecutionResult, bound: BoundDocument, context: Context, operation: OperationDefinitionNode
) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        principal, root = context.known_principal, operation.operation.value.capitalize()
        body["errors"] = [
            describe(error, text=bound.text, position=bound.position, principal=principal, root=root)
            for error in result.errors[:MAX_ERRORS]
        ]
    return body


def _unauthenticated(context: Context) -> GraphQLError:
    try:
        _ = context.principal
    except AuthenticationFailed as error:
        return GraphQLError(error.message, original_error=error)
    raise AssertionError("called only where nobody is known")
