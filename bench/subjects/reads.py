"""Measures how many reads of job statuses the server serves in a second."""

from itertools import repeat

from bench.figures import Sample
from bench.load import answers, rate
from bench.scale import Scale
from bench.server import Server
from bench.subjects.tasks import BATCH, until_complete

from bench import jobs

LIST = "{ jobs(limit: 30) { records { id status tasks { records { id status } } } } }"


async def measure(server: Server, scale: Scale) -> Sample:
    place = server.place
    batch = place.request("POST", jobs.CREATE, jobs.creation(*[jobs.line(jobs.NOOP)] * BATCH))
    created = await answers(place, repeat(batch, scale.stored // BATCH))
    job = created[0]["internalJobIds"][0]
    status = place.request("GET", f"/edge/v1/proc/job/{job}/status")
    await until_complete(place, scale.stored)
    listed = place.graphql(LIST)
    return {
        "status_1": await rate(place, status, clients=1, seconds=scale.seconds),
        "status_64": await rate(place, status, clients=64, seconds=scale.seconds),
        "list_1": await rate(place, listed, clients=1, seconds=scale.seconds),
        "list_64": await rate(place, listed, clients=64, seconds=scale.seconds),
    }
