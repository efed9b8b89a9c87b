"""How long and how many times everything is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The `seconds` of every load, the counts of created objects, and the `rounds` whose median is shown."""

    rounds: int
    seconds: float
    requests: int  # of 1000 jobs
    jobs: int  # of five no-op tasks
    starts: int  # creates on an idle server, for the percentiles
    stored: int  # jobs in the database for the reads
    cancels: int  # by 64 clients, for each form
    bulk: int  # jobs that one call cancels
    documents: int  # texts of GraphQL documents, for each form
    stops: int  # of running engines, one after the other
    followers: int  # of jobs without new events
    workers: int  # on other machines
    schedules: int  # active ones
    due: int  # of them due in the same second
    completed: int  # jobs after which memory is measured again
    idle: float  # seconds in which nothing is due
    history: int  # stored jobs, for the reads of an old server


FULL = Scale(
    rounds=3, seconds=2.0, requests=5, jobs=2000, starts=300, stored=2000, cancels=4000, bulk=1_000_000,
    documents=500, stops=150, followers=900, workers=1000, schedules=50_000, due=5000, completed=100_000, idle=10.0,
    history=1_000_000,
)  # fmt: skip
QUICK = Scale(
    rounds=1, seconds=0.5, requests=1, jobs=200, starts=30, stored=200, cancels=500, bulk=20_000,
    documents=100, stops=10, followers=50, workers=50, schedules=2000, due=200, completed=10_000, idle=2.0,
    history=10_000,
)  # fmt: skip
