"""The time to refuse a document grows only with its length: the bombs of reliability §4 (S44–S52)."""

import pytest
from graphql import get_introspection_query

from enginehouse.api.graphql.execution import limits
from enginehouse.api.graphql.execution.cost import Cost
from enginehouse.api.graphql.execution.documents import MAX_ERRORS, DocumentCache
from enginehouse.api.graphql.execution.literals import MAX_TOKENS
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.api.graphql.schema import schema


def refused(text: str, variables: dict[str, object] | None = None) -> RejectedError:
    with pytest.raises(RejectedError) as caught:
        accepted(text, variables)
    return caught.value


def accepted(text: str, variables: dict[str, object] | None = None) -> None:
    bound = DocumentCache(schema()).find(text)
    operation = bound.prepared.operation(None)
    assert operation is not None
    Cost(schema(), bound.prepared.document, operation).check(variables or {})


def code(error: RejectedError) -> object:
    return (error.errors[0].extensions or {}).get("code")


def doubling(levels: int, body: str = "...F{next} ...F{next}") -> str:
    fragments = "".join(f"fragment F{n} on Job {{ {body.replace('{next}', str(n + 1))} }} " for n in range(levels))
    return f"{{ job(id: 1) {{ ...F0 }} }} {fragments} fragment F{levels} on Job {{ id }}"


@pytest.mark.parametrize("levels", [20, 30, 48, 100, 300])
def test_doubling_fragments_are_refused(levels: int) -> None:
    assert code(refused(doubling(levels))) in {"query_too_costly", "too_many_fragments"}


@pytest.mark.parametrize("levels", [7, 20, 40])
def test_doubling_aliases_are_refused(levels: int) -> None:
    body = "a: target { jobs { records { ...F{next} } } } b: target { jobs { records { ...F{next} } } }"
    assert code(refused(doubling(levels, body))) in {"too_many_aliases", "query_too_deep"}


def deep(levels: int) -> str:
    return "{ job(id: 1) { " + "target { jobs { records { " * levels + "id" + " } } }" * levels + " } }"


def test_depth_counts_through_fragments() -> None:
    accepted(deep(3))  # 11 levels
    assert code(refused(deep(4))) == "query_too_deep"
    hidden = "{ job(id: 1) { ...A } } fragment A on Job { ...B } fragment B on Job { " + deep(4)[15:-4] + " }"
    assert code(refused(hidden)) == "query_too_deep"
    inline = "{ job(id: 1) { ... on Job { ... on Job { " + deep(4)[15:-4] + " } } } }"
    assert code(refused(inline)) == "query_too_deep"


@pytest.mark.parametrize("brackets", [65, 1_000, 20_000])
def test_brackets_never_reach_the_parser_s_recursion(brackets: int) -> None:
    assert code(refused("{a" * brackets + "}" * brackets)) == "query_too_deep"
    assert code(refused("{ a(b: " + "[" * brackets)) == "query_too_deep"


def test_circles_are_left_to_validation() -> None:
    circle = "{ job(id: 1) { ...A } } fragment A on Job { ...B } fragment B on Job { ...A }"
    assert "within itself" in str(refused(circle))
    assert "within itself" in str(
        refused("{ job(id: 1) { ...A } } fragment A on Job { target { jobs { records { ...A } } } }")
    )


def test_aliases_and_root_fields() -> None:
    accepted("{ me { " + " ".join(f"a{n}: id" for n in range(50)) + " } }")
    assert code(refused("{ me { " + " ".join(f"a{n}: id" for n in range(51)) + " } }")) == "too_many_aliases"
    accepted("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(20)) + " }")
    assert code(refused("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(21)) + " }")) == "too_many_root_fields"


def test_repeated_fields_and_directives() -> None:
    assert code(refused("{ me { " + "id " * 500 + "} }")) == "too_many_repeated_fields"
    assert code(refused("{ me { id " + "@skip(if: false) " * 51 + "} }")) == "too_many_directives"


def test_tokens_and_bytes() -> None:
    assert code(refused("{ me { " + "id " * MAX_TOKENS + "} }")) == "too_many_tokens"
    assert code(refused("{ me { id } } #" + "x" * limits.MAX_BYTES)) == "document_too_large"


def test_cost_is_worked_out_from_page_sizes() -> None:
    nested = (
        "jobs(limit: {n}) {{ records {{ tasks(limit: {n}) {{ records {{ job {{ "
        "tasks(limit: {n}) {{ records {{ id }} }} }} }} }} }} }}"
    )
    assert code(refused("{ " + nested.format(n=500) + " }")) == "query_too_costly"
    accepted("{ " + nested.format(n=20) + " }")
    accepted(
        "{ jobs(limit: 1000) { records { id status tasks { records { id status engine { id name } output } } } } }"
    )
    accepted("{ engines(limit: 10000) { records { id name category { name } } } }")


def test_what_is_computed_costs_more_than_what_is_read() -> None:
    runs = "nextRuns(count: 1000) { slotDateTime startDateTime }"
    accepted(f'{{ scheduledJob(id: "1") {{ {runs} }} }}')
    accepted("{ scheduledJobs(limit: 1000) { records { nextRuns { slotDateTime } } } }")
    several = " ".join(f"a{n}: {runs}" for n in range(26))
    assert code(refused(f'{{ scheduledJob(id: "1") {{ {several} }} }}')) == "query_too_costly"


def test_cost_follows_a_variable_page_size() -> None:
    query = (
        "query Q($n: Int = 20) { jobs(limit: $n) { records { tasks(limit: $n) { records { job { "
        "tasks(limit: $n) { count } } } } } } }"
    )
    accepted(query)
    accepted(query, {"n": 30})
    assert code(refused(query, {"n": 1000})) == "query_too_costly"


def test_introspection_is_deep_but_not_circular() -> None:
    accepted(get_introspection_query())
    refused("{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }")


def test_errors_are_few() -> None:
    text = "{ me { " + " ".join(f"x{n}" for n in range(300)) + " } }"
    assert len(refused(text).errors) <= MAX_ERRORS + 1
