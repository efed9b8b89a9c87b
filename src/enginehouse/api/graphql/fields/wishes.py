"""What shall follow an event, as subscriptions and triggers give it: reads the job in the parameters of `CreateJob`."""

from dataclasses import replace
from typing import Any, Final, cast

from graphql import GraphQLInputObjectType, GraphQLSchema
from graphql.utilities import coerce_input_value

from enginehouse.api.graphql.execution.variables import value_problems
from enginehouse.api.input.jobs import job_request
from enginehouse.api.input.references import references
from enginehouse.domain.webhooks.subscription import Wish
from enginehouse.operations.event_actions import CREATE_JOB, TEMPLATE_ID
from enginehouse.operations.references import Reference

_INPUT: Final = "CreateJob"


def wish(schema: GraphQLSchema, given: dict[str, Any], prefix: str) -> tuple[Wish, list[Reference]]:
    """Returns the wish, and the ids that its job only names.

    The parameters of `CreateJob` are those of the mutation `createJob`, and are read like them. An id from the event is
    not known yet.
    """
    name, params = given["name"], given.get("params")
    if name != CREATE_JOB or not isinstance(params, dict) or TEMPLATE_ID in params:
        return Wish(delivery=name, params=params, prefix=prefix), []
    kind = cast(GraphQLInputObjectType, schema.type_map[_INPUT])
    path = f"{prefix}params"
    if problems := value_problems(kind, params):
        told = tuple(replace(each, path=f"{path}.{each.path}" if each.path else path) for each in problems)
        return Wish(delivery=name, params=params, problems=told, prefix=prefix), []
    fields = cast(dict[str, Any], coerce_input_value(params, kind))
    named = [each._replace(path=f"{path}.{each.path}") for each in references(_INPUT, fields) if "{{" not in each.text]
    return Wish(delivery=name, params=params, job=job_request(fields), prefix=prefix), named
