"""The oldest job interface: it assigns a handler to each path under `/v1`."""

from collections.abc import Callable
from typing import Final

from enginehouse.api.auth import authenticate
from enginehouse.api.http.interface import ForCallers, Interface, Operations
from enginehouse.api.http.paths import Paths
from enginehouse.api.legacy import jobs, tasks
from enginehouse.operations.house import House

BASE: Final = "/v1"


def interface(house: Callable[[], House]) -> Interface:
    """Returns the application for `/v1`. Its refusals are those of the REST interface."""
    return Interface(house, authenticate, base=BASE, operations=operations())


def operations() -> Operations:
    """Returns every operation of the interface."""
    paths: Operations = Paths()
    paths.add("POST", "/job", ForCallers(jobs.create))
    paths.add("GET", "/job", ForCallers(jobs.list_jobs))
    paths.add("GET", "/job/recording/{RecordingID}", ForCallers(jobs.list_of_target))
    paths.add("GET", "/job/{JobID}", ForCallers(jobs.get))
    paths.add("DELETE", "/job/{JobID}", ForCallers(jobs.cancel))
    paths.add("PUT", "/job/{JobID}/retry", ForCallers(jobs.retry))
    paths.add("PUT", "/job/{JobID}/restart", ForCallers(jobs.retry))
    paths.add("PUT", "/job/{JobID}/task/{TaskID}", ForCallers(tasks.update))
    paths.add("POST", "/job/{JobID}/task/{TaskID}/poll", ForCallers(tasks.poll))
    return paths
