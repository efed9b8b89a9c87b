"""The idempotency key of a GraphQL request: in a header for its only mutation, or as an argument of the field."""

from typing import Final

from graphql import DocumentNode, OperationDefinitionNode, OperationType

from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.execution import limits
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.domain.errors import InvalidInput

HEADER: Final = "Idempotency-Key"


def check(document: DocumentNode, operation: OperationDefinitionNode) -> None:
    """The request has at most one mutation, so its key is for that one. Raises RejectedError."""
    if operation.operation is not OperationType.MUTATION:
        return
    fields = limits.root_fields(document, operation)
    names = {(node.alias or node.name).value for node in fields if node.name.value != "__typename"}
    if len(names) > 1:
        text = f"the request has {len(names)} mutations; give each its own argument idempotencyKey instead."
        raise RejectedError.because(f"{HEADER}: {text}", field=HEADER)


def key(context: Context, argument: str | None) -> str | None:
    """Returns the key of the field with this argument. Raises InvalidInput if the header has another key."""
    if argument is not None and context.key is not None and argument != context.key:
        raise InvalidInput(f"differs from the header {HEADER}; give one of them.", "idempotencyKey")
    return context.key if argument is None else argument
