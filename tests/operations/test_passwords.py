"""The hash of a password costs what OWASP asks for. Other tests hash with the same algorithm at its lowest cost."""

from importlib.util import find_spec, module_from_spec

from argon2 import Type, extract_parameters

from enginehouse.operations import passwords


def test_a_hash_of_the_server_costs_what_owasp_asks_for() -> None:
    spec = find_spec(passwords.__name__)
    assert spec is not None
    assert spec.loader is not None
    fresh = module_from_spec(spec)  # as the server has it, and not as conftest has changed it
    spec.loader.exec_module(fresh)
    found = extract_parameters(fresh._HASHER.hash("correct horse"))
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost) >= (19_456, 2)
    assert (found.salt_len, found.hash_len) >= (16, 32)
