"""Templates of single-engine jobs: what is rendered, what is refused, and that a value stays inside its string."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.handlebars import MAX_DEPTH, MAX_RENDERED, MAX_TEMPLATE, BadTemplate, names, parse, render

ELSE_IF = "{{#if a}}A{{else if b}}B{{else}}C{{/if}}|"


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{{{x}}} {{ x }} {{{ x }}} {{& x}} {{~x~}}", {"x": "-2"}, "-2 -2 -2 -2 -2"),
        ('{{{x}}} {{x}}', {"x": "<a b=\"c\">&`'"}, "<a b=\"c\">&`' &lt;a b&#x3D;&quot;c&quot;&gt;&amp;&#x60;&#x27;"),
        ("{{x}}|{{{x}}}", {}, "|"),
        (ELSE_IF, {"a": "0"}, "A|"),
        (ELSE_IF, {"b": "false"}, "B|"),
        (ELSE_IF, {"a": "", "b": ""}, "C|"),
        ("{{#unless x}}none{{else}}{{x}}{{/unless}}", {}, "none"),
        ("{{#unless x}}none{{else}}{{x}}{{/unless}}", {"x": "1"}, "1"),
        ("{{#if a}}{{#if b}}ab{{else}}a{{/if}}{{/if}}", {"a": "1"}, "a"),
        ("a{{! nothing }}b{{!-- {{not}} --}}c", {"not": "1"}, "abc"),
        ('{"u": "{{{x}}}", "n": {{{x}}}}', {"x": "1"}, '{"u": "1", "n": 1}'),
    ],
)  # fmt: skip
def test_what_a_template_gives(template: str, values: dict[str, str], text: str) -> None:
    assert render(parse(template), values) == text


@given(st.text(), st.text())
def test_a_value_never_ends_the_string_that_holds_it(first: str, second: str) -> None:
    template = '{"a\\"": "x{{{first}}}{{#if second}}{{{second}}}{{/if}}y", "b": ["{{{second}}}"]}'
    text = render(parse(template), {"first": first, "second": second})
    assert json.loads(text) == {'a"': f"x{first}{second}y", "b": [second]}


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("\n{{#if x}", "Line 2: {{#if x} is not understood"),
        ("{{#if x}}a", "no {{/if}}"),
        ("{{/if}}", "ends no block"),
        ("{{#if a}}{{/unless}}", "ends no block"),
        ("{{else}}", "belongs to no block"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", "belongs to no block"),
        ("{{#each x}}{{/each}}", "not understood"),
        ("{{> part}}", "not understood"),
        ("{{lookup a b}}", "not understood"),
        ("{{#if x}}" * MAX_DEPTH + "{{/if}}" * MAX_DEPTH, f"more than {MAX_DEPTH} blocks"),
        ("{{#if a}}" + "{{else if b}}" * MAX_DEPTH + "{{/if}}", f"more than {MAX_DEPTH} blocks"),
        ("x" * (MAX_TEMPLATE + 1), f"at most {MAX_TEMPLATE}"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(template: str, says: str) -> None:
    with pytest.raises(BadTemplate) as refused:
        parse(template)
    assert says in str(refused.value)


def test_a_text_that_grows_too_long_is_refused() -> None:
    with pytest.raises(BadTemplate, match="more than"):
        render(parse("{{{x}}}" * 20), {"x": "y" * (MAX_RENDERED // 19)})


def test_the_names_that_a_template_looks_at() -> None:
    assert names(parse("{{a}}{{#if b}}{{{c}}}{{else if d}}{{e}}{{/if}}")) == set("abcde")
