"""What a parent and its server processes tell each other, and when one that has died is started again."""

from pathlib import Path

import pytest

from enginehouse.cli import process_messages
from enginehouse.cli.banner import StartReport
from enginehouse.cli.process_messages import CountedTotals, Ready, Refused
from enginehouse.cli.server_process import LONGEST_PAUSE, pause
from enginehouse.domain.totals import ATTEMPTS, COMMIT_TIME, Totals
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.settings import Settings


def test_settings_arrive_as_they_were_sent() -> None:
    settings = Settings(
        data=Path("/srv/data"), processes=2, database="postgresql://me:secret@host/db", engine_read=(Path("/models"),),
        label=("speech=2",), secret_key="5" * 64, oidc=Path("/etc/oidc.toml"), cors_origin=(),
    )  # fmt: skip
    assert process_messages.settings(process_messages.settings_line(settings)) == settings


def test_what_is_counted_arrives_as_it_was_sent() -> None:
    totals = Totals()
    totals.add(ATTEMPTS, "engine", "complete", by=3)
    totals.observe(COMMIT_TIME, 0.003)
    arrived = process_messages.message(process_messages.line(CountedTotals.of(totals)))
    assert isinstance(arrived, CountedTotals)
    assert arrived.totals().counters == totals.counters
    assert arrived.totals().histograms == totals.histograms


@pytest.mark.parametrize(
    "message",
    [Ready(StartReport({"native": 3}, SandboxLevel.BWRAP, ["a"], ["/srv/data/token"])), Refused("No: line\ntwo.")],
)
def test_messages_arrive_as_they_were_sent(message: Ready | Refused) -> None:
    line = process_messages.line(message)
    assert line.count(b"\n") == 1
    assert process_messages.message(line) == message


def test_the_pause_before_a_start_grows_with_the_deaths_in_a_row() -> None:
    pauses = [pause(deaths) for deaths in range(1, 12)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pause(10_000) == LONGEST_PAUSE
