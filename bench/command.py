"""The command: it chooses what is measured, in which order, and where the figures go."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.contenders import DATABASES, Contender, contenders
from bench.figures import SUBJECTS, Sample, Subject
from bench.growth import command as growth
from bench.progress import line, progress
from bench.scale import FULL, QUICK, Scale
from tests.postgres import FSYNC

from bench import compare, machine, record, table

AGAIN: Final = 2  # times that a figure which seems worse is measured again

Turn = tuple[int, Subject, Contender]


@dataclass(slots=True)
class Measured:
    """All samples so far: contender → subject → the samples of its rounds; and what could not be measured."""

    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def take(self, turns: Sequence[Turn], scale: Scale) -> None:
        """Each turn is measured."""
        with progress(len(turns)) as step:
            for round_, subject, contender in turns:
                step(f"{subject.key}, round {round_} of {scale.rounds}: {contender.name}")
                try:
                    sample = contender.measure(subject.key, scale)
                except Exception as error:
                    self.failures.append(f"{contender.name}, {subject.key}: {type(error).__name__}: {error}")
                    continue
                self.samples.setdefault(contender.name, {}).setdefault(subject.key, []).append(sample)


def main() -> int:
    """Returns 0 if everything was measured and, with --compare, nothing got worse; 1 if not; 2 for a wrong call.

    Missed targets do not change it.
    """
    if sys.argv[1:2] == ["scale"]:
        return growth.main(sys.argv[2:])
    wanted = _wanted()
    subjects = [subject for subject in SUBJECTS if not wanted.subjects or subject.key in wanted.subjects]
    scale = QUICK if wanted.quick else FULL
    if wanted.rounds is not None:
        scale = replace(scale, rounds=wanted.rounds)
    here, before = machine.description(wanted.place), None
    if wanted.compare:
        try:
            before = compare.read(compare.RECORDED)
            compare.require_alike(before, table.told(table.Run(scale, (), {}, here, FSYNC), ()))
        except compare.Incomparable as difference:
            print(difference, file=sys.stderr)
            return 2
    measured, worse = Measured(), list[compare.Regression]()
    with ExitStack() as open_until_shown:
        found = contenders(
            wanted.database or DATABASES, subjects, wanted.place, open_until_shown, line, peers=wanted.peers
        )
        measured.take(list(_order(scale, subjects, found)), scale)

        def run() -> table.Run:
            return table.Run(scale, tuple(one.name for one in found), measured.samples, here, FSYNC)

        if before is not None:
            worse = _worse(before, measured, subjects, found, run)
    table.show(run(), subjects)
    told = table.told(run(), subjects)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(told, indent=2) + "\n")
    if wanted.record:
        record.write(told)
    for failure in measured.failures:
        print(f"not measured: {failure}", file=sys.stderr)
    for one in worse:
        print(f"worse than recorded: {one.sentence}", file=sys.stderr)
    return 1 if measured.failures or worse else 0


def _worse(
    before: dict[str, Any], measured: Measured, subjects: Sequence[Subject], found: Sequence[Contender], run: Any
) -> list[compare.Regression]:
    """Returns what is worse than recorded, also after it was measured again."""
    for _ in range(AGAIN):
        worse = list(compare.regressions(before, table.told(run(), subjects)))
        if not worse:
            return worse
        line(f"measuring again what seems worse: {', '.join(sorted({one.subject for one in worse}))}")
        pairs = {(one.subject, one.contender) for one in worse}
        scale = run().scale
        turns = [turn for turn in _order(scale, subjects, found) if (turn[1].key, turn[2].name) in pairs]
        measured.take(turns, scale)
    return list(compare.regressions(before, table.told(run(), subjects)))


def _order(scale: Scale, subjects: Sequence[Subject], found: Sequence[Contender]) -> Iterator[Turn]:
    """Yields the contenders in turns, so that a disturbance of the machine affects all of them."""
    for subject in subjects:
        for round_ in range(scale.rounds):
            for contender in found:
                if subject.measures(contender.name):
                    yield round_ + 1, subject, contender


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Benchmarks of Enginehouse beside its peers. `bench/run.py scale` shows what grows.",
    )
    known = [subject.key for subject in SUBJECTS]
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(known)}; all without one")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not how fast")
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help="measure everything N times, and show the medians"
    )
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="Enginehouse alone")
    parser.add_argument("--database", action="append", choices=DATABASES, help="one of the two; both without it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples to FILE as well")
    parser.add_argument(
        "--place", type=Path, default=Path(tempfile.gettempdir()), help="the folder whose disk the data is put on"
    )
    parser.add_argument("--compare", action="store_true", help="fail if a figure of ours got worse than recorded")
    parser.add_argument("--record", action="store_true", help="keep the figures, and write the tables of the docs")
    wanted = parser.parse_args()
    if unknown := sorted(set(wanted.subjects) - set(known)):
        parser.error(f"{', '.join(unknown)}: not a subject; choose from {', '.join(known)}.")
    if wanted.compare and wanted.record:
        parser.error("--compare and --record: choose one of them.")
    wanted.peers = wanted.peers and not wanted.compare
    return wanted


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    # SIGINT and SIGTERM both stop the servers and remove their folders.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
