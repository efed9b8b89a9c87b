"""The conditions of `engines` on what administrators and authors say about an engine (graphql-contract §3.6)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from enginehouse.domain.engine import Engine

Test = Callable[[Engine, Any], bool]


def _named(engine: Engine, name: str) -> Any:
    return engine.spec.manifest.get(name)


def _in_list(engine: Engine, name: str, value: str) -> bool:
    listed = _named(engine, name)
    return isinstance(listed, list) and value in listed


def _length(engine: Engine, longest: int) -> bool:
    said = _named(engine, "maxMediaLengthMs")
    return isinstance(said, int) and said >= longest


# The fields of EngineFilter. Engines here have no rating and no FedRAMP level, and none is trained over the API.
_TESTS: Final[dict[str, Test]] = {
    "language": lambda engine, word: _in_list(engine, "languages", word),
    "libraryRequired": lambda engine, wanted: engine.details.library_required == wanted,
    "rating": lambda engine, _: False,
    "deploymentModel": lambda engine, model: engine.details.deployment_model == model,
    "deploymentModels": lambda engine, models: engine.details.deployment_model in models,
    "priceMin": lambda engine, price: (engine.details.price or 0) >= price,
    "priceMax": lambda engine, price: (engine.details.price or 0) <= price,
    "fedRampImpactLevelMin": lambda engine, _: False,
    "fedRampImpactLevelMax": lambda engine, _: False,
    "trainableViaApi": lambda engine, wanted: not wanted,
    "clusterSize": lambda engine, size: _named(engine, "clusterSize") == size,
    "clusterSizes": lambda engine, sizes: _named(engine, "clusterSize") in sizes,
    "gpuSupported": lambda engine, gpu: _named(engine, "gpuSupported") == gpu,
    "gpusSupported": lambda engine, gpus: _named(engine, "gpuSupported") in gpus,
    "runtimeType": lambda engine, kinds: engine.spec.kind in kinds,
    "supportedInputFormats": lambda engine, formats: bool({*engine.spec.inputs} & {*formats}),
    "maxMediaLengthMs": _length,
}


def matches(engine: Engine, args: Mapping[str, Any], narrower: Mapping[str, Any]) -> bool:
    """True if the engine meets every condition that is given; one that is null or an empty list excludes nothing."""
    given = {**narrower, **{name: args[name] for name in ("libraryRequired",) if args.get(name) is not None}}
    if args.get("createsTDO") is not None and engine.details.creates_tdo != args["createsTDO"]:
        return False
    return all(
        _TESTS[name](engine, value) for name, value in given.items() if name in _TESTS and value not in (None, [])
    )
