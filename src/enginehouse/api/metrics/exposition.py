"""Numbers in the formats of Prometheus. Importing this takes a while, so nobody does before the first request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from enginehouse import __version__
from enginehouse.api.metrics.numbers import NUMBERS
from enginehouse.operations.metrics import Snapshot

PREFIX: Final = "enginehouse_"


class Exposition(NamedTuple):
    """The text of the numbers, and its media type."""

    body: bytes
    media_type: bytes


def exposition(snapshot: Snapshot | None, accept: str) -> Exposition:
    """Returns the numbers in the format that `accept` prefers; without a snapshot only those of this process."""
    encoder, media_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(snapshot))
    ProcessCollector(registry=registry)
    return Exposition(encoder(registry), media_type.encode())


class _Numbers(Collector):
    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        yield _gauge("info", "The version of this server.", ("version",), {__version__: 1})
        yield _gauge("storage_up", "1 if the storage answers.", (), {(): int(self._snapshot is not None)})
        if self._snapshot is not None:
            for number in NUMBERS:
                yield _gauge(number.name, number.text, number.labels, number.read(self._snapshot))


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for named, value in values.items():
        family.add_metric([named] if isinstance(named, str) else list(named), value)
    return family
