"""The Python engines of this machine as they were last read, and what is wrong with the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from enginehouse.domain.engine import EngineSpec
from enginehouse.engine import EngineFailure
from enginehouse.engines import environments
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.entry_points import BrokenEnvironment, InstalledEngine, read_engines
from enginehouse.engines.native import ENGINES

log = structlog.get_logger(__name__)


class Reading(NamedTuple):
    """One look at what is installed: the engines by their ids, their code digests, and a sentence for each fault."""

    specs: Mapping[str, EngineSpec]
    code_digests: Mapping[str, str]
    problems: tuple[str, ...]


class Difference(NamedTuple):
    """What has changed between two readings: the names of engines."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


NOTHING_READ = Reading({}, {}, ())


@dataclass(slots=True)
class Installation:
    """What runs here: the engines of the server's environment and those of the environments in `file`.

    The file may be missing, unless somebody has `named` it. `reserved` are the ids of engines that are part of the
    server.
    """

    children: ChildPool
    file: Path
    named: bool = False
    reserved: Collection[str] = frozenset()
    reading: Reading = field(default=NOTHING_READ)

    @property
    def specs(self) -> Sequence[EngineSpec]:
        """The engines that can run."""
        return tuple(self.reading.specs.values())

    def find(self, engine_id: str) -> EngineSpec | None:
        """Returns the engine with this id, None if it is not installed."""
        return self.reading.specs.get(engine_id)

    async def read(self) -> Reading:
        """Returns what is installed now. Nothing else changes."""
        known = environments.read(self.file, named=self.named)
        found = await read_engines(self.children, known.environments)
        reading = judged(found, self.reserved)
        return reading._replace(problems=(*known.problems, *reading.problems))

    def use(self, reading: Reading) -> Difference:
        """From now on these engines run. What runs already runs to its end; idle children with other code are ended."""
        before, self.reading = self.reading, reading
        self.children.retire(reading.code_digests)
        return _difference(before, reading)


def installation_of(children: ChildPool, file: Path | None, data: Path) -> Installation:
    """Returns the installation of a machine: its environments are in `file`, or in the data folder."""
    own = frozenset(name for engine in ENGINES for name in (engine.spec.id, *engine.spec.aliases))
    return Installation(children, file or data / environments.FILE, named=file is not None, reserved=own)


def judged(found: Sequence[InstalledEngine | BrokenEnvironment], reserved: Collection[str]) -> Reading:
    """Returns what can be used of it. Of two engines with one id the first is, and every other fault is a sentence."""
    specs, code_digests, places = dict[str, EngineSpec](), dict[str, str](), dict[str, str]()
    problems = list[str]()
    for each in found:
        match each:
            case BrokenEnvironment(environment, failure):
                log.warning("the environment of engines cannot be read", place=environment.python)
                problems.append(f"environment {environment.name}: {failure.message}")
            case InstalledEngine(entry, _, EngineFailure(message=message)):
                log.warning("an installed engine cannot be read", engine=entry.name)
                problems.append(f"{each.place}: {message}")
            case InstalledEngine(entry, _, EngineSpec() as spec, code_digest):
                names = {spec.id, *spec.aliases}
                if names & set(reserved):
                    problems.append(f'{each.place}: its id "{spec.id}" is that of an engine of the server itself.')
                elif spec.id in specs:
                    problems.append(f'{each.place}: its id "{spec.id}" is that of {places[spec.id]}, which is used.')
                else:
                    specs[spec.id], code_digests[spec.id], places[spec.id] = spec, code_digest, each.place
    # An engine's own words may be in them, in any number of lines.
    return Reading(specs, code_digests, tuple(" ".join(problem.split()) for problem in problems))


def _difference(before: Reading, now: Reading) -> Difference:
    def names(reading: Reading, ids: Collection[str]) -> tuple[str, ...]:
        return tuple(sorted(reading.specs[engine_id].name for engine_id in ids))

    both = before.specs.keys() & now.specs.keys()
    changed = {
        one for one in both if (before.specs[one], before.code_digests[one]) != (now.specs[one], now.code_digests[one])
    }
    return Difference(
        added=names(now, now.specs.keys() - before.specs.keys()),
        changed=names(now, changed),
        removed=names(before, before.specs.keys() - now.specs.keys()),
    )
