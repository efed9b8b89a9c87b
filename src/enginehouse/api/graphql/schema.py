"""The schema: `schema.graphql`, which is the contract, bound to the functions that answer its fields."""

from functools import cache
from importlib.resources import files

from ariadne import make_executable_schema
from graphql import GraphQLSchema

from enginehouse.api.graphql import assets, engines, identity, jobs, results, targets, tasks
from enginehouse.api.graphql.scalars import SCALARS


@cache
def schema() -> GraphQLSchema:
    """The executable schema; made once in a process."""
    text = files(__package__).joinpath("schema.graphql").read_text()
    nouns = (identity, engines, targets, assets, jobs, tasks, results)
    return make_executable_schema(text, *SCALARS, *(bindable for noun in nouns for bindable in noun.BINDABLES))
