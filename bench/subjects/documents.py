"""Measures the cost of a GraphQL document before execution: found by its shape, found by its text, or not cached.

All three are timed in this process with the same documents. Then the server executes documents of the same kinds. All
figures are processor time, so that other programs on the machine do not count.
"""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count, cycle, repeat
from typing import Final

from bench.figures import Sample
from bench.load import WARM_UP, answers, drive, during
from bench.scale import Scale
from bench.server import Server
from bench.subjects.tasks import BATCH
from graphql import DocumentNode, parse, validate

from bench import jobs, processors
from enginehouse.api.graphql.execution import limits
from enginehouse.api.graphql.execution.documents import MAX_ERRORS, DocumentCache
from enginehouse.api.graphql.execution.literals import MAX_TOKENS
from enginehouse.api.graphql.schema import schema

_KEPT: Final = 4096  # texts in the cache by text
_WARM: Final = 50

Find = Callable[[str], object]


async def measure(server: Server, scale: Scale) -> Sample:
    ids = [f"{number:08d}_AbCdEfGhIj" for number in range(scale.documents)]
    sample = {
        **_timed("shape", DocumentCache(schema()).find, ids),
        **_timed("text", lru_cache(_KEPT)(_prepare), ids),
        **_timed("none", _prepare, ids),
    }
    return sample | await _requests(server, scale)


def document(job_id: str, operation: str = "") -> str:
    """Returns a query as large as a client's page needs, with the id of its job in its text."""
    return f"""query {operation} {{
  job(id: "{job_id}") {{
    id name status createdDateTime
    target {{ id name }}
    tasks(limit: 20) {{ count records {{ id status startedDateTime completedDateTime engine {{ id name }} }} }}
  }}
}}"""


def _prepare(text: str) -> DocumentNode:
    """Returns the parsed document, within its limits and valid: the least work for a document that is not cached."""
    parsed = parse(text, max_tokens=MAX_TOKENS)
    limits.check_size(parsed)
    errors = validate(schema(), parsed, max_errors=MAX_ERRORS)
    if errors:
        raise errors[0]
    return parsed


def _timed(name: str, find: Find, ids: list[str]) -> Sample:
    """Returns the microseconds for a known text, for one with another id in it, and for a new one."""
    for job_id in ids[:_WARM]:
        find(document(job_id, "Warm"))
    text = document("00000000_known", "Known")
    find(text)
    return {
        f"documents_{name}_text": _per_document(find, repeat(text, len(ids))),
        f"documents_{name}_literals": _per_document(find, [document(job_id, "Known") for job_id in ids]),
        f"documents_{name}_new": _per_document(find, [document(job_id, f"New{job_id}") for job_id in ids]),
    }


def _per_document(find: Find, texts: Iterable[str]) -> float:
    started = time.process_time()
    number = 0
    for text in texts:
        find(text)
        number += 1
    return (time.process_time() - started) / number * 1e6


async def _requests(server: Server, scale: Scale) -> Sample:
    """Returns the server's microseconds for each executed request of one client over HTTP, for the same three kinds."""
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    [created] = await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(*[jobs.waiting()] * BATCH))])
    ids: list[str] = created["internalJobIds"]
    known = [place.graphql(document(job_id, "Known")) for job_id in ids]
    new = (place.graphql(document(ids[number % len(ids)], f"New{number}")) for number in count())
    return {
        "documents_request_text": await _per_request(server, repeat(known[0]), scale.seconds),
        "documents_request_literals": await _per_request(server, cycle(known), scale.seconds),
        "documents_request_new": await _per_request(server, new, scale.seconds),
    }


async def _per_request(server: Server, requests: Iterable[bytes], seconds: float) -> float:
    requests = iter(requests)
    await drive(server.place, during(WARM_UP, requests), clients=1)
    used = processors.seconds_used(server.pid)
    load = await drive(server.place, during(seconds, requests), clients=1)
    return (processors.seconds_used(server.pid) - used) / len(load.waits) * 1e6
