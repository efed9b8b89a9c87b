"""Numbers in the formats of Prometheus. Importing this takes a while, so nobody does before the first request."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from enginehouse import __version__
from enginehouse.api.metrics.numbers import NUMBERS
from enginehouse.domain.totals import MEASURES, Measure, Totals
from enginehouse.operations.metrics import Snapshot

PREFIX: Final = "enginehouse_"


class Exposition(NamedTuple):
    """The text of the numbers, and its media type."""

    body: bytes
    media_type: bytes


def exposition(snapshot: Snapshot | None, totals: Totals, accept: str, engine: Callable[[str], str]) -> Exposition:
    """Returns the numbers in the format that `accept` prefers; without a snapshot only those of this process.

    `engine` returns the label of an engine by its id.
    """
    encoder, media_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(snapshot))
    registry.register(_TotalNumbers(totals, engine))
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


class _TotalNumbers(Collector):
    """What the process has counted since it started. Without labels also what has not happened yet is there, as 0."""

    def __init__(self, totals: Totals, engine: Callable[[str], str]) -> None:
        self._totals = totals
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        counters: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
        for (name, values), value in self._totals.counters.items():
            labels = self._labels(name, values)
            counters[name][labels] = counters[name].get(labels, 0) + value
        histograms: dict[str, dict[tuple[str, ...], list[float]]] = defaultdict(dict)
        for (name, values), parts in self._totals.histograms.items():
            labels = self._labels(name, values)
            before = histograms[name].get(labels)
            histograms[name][labels] = parts if before is None else list(map(add, before, parts))
        for name, measure in MEASURES.items():
            if measure.bounds:
                if not measure.labels:
                    histograms[name].setdefault((), [0.0] * (len(measure.bounds) + 2))
                yield _histogram(name, measure, histograms[name])
            else:
                if not measure.labels:
                    counters[name].setdefault((), 0)
                yield _counter(name, measure, counters[name])

    def _labels(self, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
        names = MEASURES[name].labels
        return tuple(
            self._engine(value) if label == "engine" else value for label, value in zip(names, values, strict=True)
        )


def _counter(name: str, measure: Measure, values: Mapping[tuple[str, ...], float]) -> Metric:
    family = CounterMetricFamily(PREFIX + name, measure.text, labels=measure.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(name: str, measure: Measure, values: Mapping[tuple[str, ...], list[float]]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, measure.text, labels=measure.labels)
    bounds = (*map(str, measure.bounds), "+Inf")
    for labels, (*counts, total) in values.items():
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for named, value in values.items():
        family.add_metric([named] if isinstance(named, str) else list(named), value)
    return family
