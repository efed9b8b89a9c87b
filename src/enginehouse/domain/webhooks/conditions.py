"""The conditions of a subscription: a tree that decides from a message's document whether the subscriber wants it.

A node is `{operator: "and" | "or", conditions: [...]}`, `{operator: "not", conditions: [one]}`, or a leaf
`{field, operator, value}`. A field is a path with dots, first looked up in `data`. (graphql-contract §2.9)
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from enginehouse.domain.errors import Problem, excerpt

MOST_DEPTH: Final = 10
MOST_NODES: Final = 100


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Numbers compare with numbers and texts with texts; anything else is not true."""

    def compare(found: Any, value: Any) -> bool:
        numbers = _is_number(found) and _is_number(value)
        return (numbers or (isinstance(found, str) and isinstance(value, str))) and test(found, value)

    return compare


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(found: Any, value: Any) -> bool:
    return bool(isinstance(found, bool) == isinstance(value, bool) and found == value)


LEAVES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": _equal,
    "neq": lambda found, value: not _equal(found, value),
    "gt": _compared(lambda found, value: found > value),
    "gte": _compared(lambda found, value: found >= value),
    "lt": _compared(lambda found, value: found < value),
    "lte": _compared(lambda found, value: found <= value),
    "in": lambda found, value: any(_equal(found, one) for one in value),
    "contains": lambda found, value: isinstance(found, str | list) and type(value) is str and value in found,
}
TREES: Final = ("and", "or", "not")


def matches(conditions: Any, document: Mapping[str, Any]) -> bool:
    """Returns True if the document fulfils the conditions, which `problems` has accepted. None means no conditions."""
    if not conditions:
        return True
    match conditions["operator"]:
        case "and":
            return all(matches(each, document) for each in conditions["conditions"])
        case "or":
            return any(matches(each, document) for each in conditions["conditions"])
        case "not":
            return not matches(conditions["conditions"][0], document)
        case leaf:
            return LEAVES[leaf](_field(document, conditions["field"]), conditions["value"])


def problems(conditions: Any, path: str) -> list[Problem]:
    """Returns everything that is wrong with the tree. An empty list means that `matches` can evaluate it."""
    if conditions is None or conditions == {}:
        return []
    found = list[Problem]()
    nodes = _check(conditions, path, 1, found)
    if nodes > MOST_NODES:
        found.append(Problem(path, f"{nodes} conditions, at most {MOST_NODES}.", str(nodes), f"1–{MOST_NODES}"))
    return found


def _check(node: Any, path: str, depth: int, found: list[Problem]) -> int:
    """Adds the problems of the node to `found`. Returns how many nodes there are."""
    if not isinstance(node, dict):
        found.append(Problem(path, "must be an object with an operator.", excerpt(node)))
        return 1
    if depth > MOST_DEPTH:
        found.append(Problem(path, f"conditions nest at most {MOST_DEPTH} deep."))
        return 1
    operator = node.get("operator")
    if operator in TREES:
        return _check_tree(node, operator, path, depth, found)
    if not isinstance(operator, str) or operator not in LEAVES:
        words = ", ".join((*TREES, *LEAVES))
        found.append(Problem(f"{path}.operator", f"one of {words}, got {excerpt(operator)}.", excerpt(operator), words))
        return 1
    if not isinstance(node.get("field"), str) or not node["field"]:
        found.append(Problem(f"{path}.field", "the name of a field of the message is needed."))
    if "value" not in node:
        found.append(Problem(f"{path}.value", "must be given."))
    elif operator == "in" and not isinstance(node["value"], list):
        found.append(Problem(f"{path}.value", "a list is needed for in.", excerpt(node["value"])))
    return 1


def _check_tree(node: dict[str, Any], operator: str, path: str, depth: int, found: list[Problem]) -> int:
    parts = node.get("conditions")
    if not isinstance(parts, list) or not parts or (operator == "not" and len(parts) != 1):
        count = "one condition" if operator == "not" else "one or more conditions"
        found.append(Problem(f"{path}.conditions", f"a list of {count} is needed for {operator}."))
        return 1
    return 1 + sum(_check(each, f"{path}.conditions[{n}]", depth + 1, found) for n, each in enumerate(parts))


def _field(document: Mapping[str, Any], path: str) -> Any:
    for start in (document.get("data"), document):
        value: Any = start
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None
