"""Measures how many jobs are cancelled in a second over GraphQL, with one call each."""

from collections.abc import Iterator
from itertools import repeat

from bench.figures import Sample
from bench.load import Place, answers, drive
from bench.scale import Scale
from bench.server import Server
from bench.subjects.tasks import BATCH

from bench import jobs

_VARIABLE = "mutation Cancel($id: ID!) { cancelJob(id: $id) { id message } }"
_WARM = 100


async def measure(server: Server, scale: Scale) -> Sample:
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    alone = scale.cancels // 4
    created = iter(await _create(place, 2 * scale.cancels + alone + 2 * _WARM))

    def take(count: int) -> Iterator[str]:
        return (next(created) for _ in range(count))

    with_variable = [place.graphql(_VARIABLE, id=job) for job in take(_WARM + alone + scale.cancels)]
    inline = [
        place.graphql(f'mutation {{ cancelJob(id: "{job}") {{ id message }} }}') for job in take(_WARM + scale.cancels)
    ]
    await drive(place, with_variable[:_WARM], clients=8)
    one = await drive(place, with_variable[_WARM : _WARM + alone], clients=1)
    many = await drive(place, with_variable[_WARM + alone :], clients=64)
    await drive(place, inline[:_WARM], clients=8)
    literal = await drive(place, inline[_WARM:], clients=64)
    return {"cancel_1": one.per_second, "cancel_64": many.per_second, "cancel_inline_64": literal.per_second}


async def _create(place: Place, count: int) -> list[str]:
    """Returns the ids of at least `count` waiting jobs."""
    batch = place.request("POST", jobs.CREATE, jobs.creation(*[jobs.waiting()] * BATCH))
    return [
        job for answer in await answers(place, repeat(batch, -(-count // BATCH))) for job in answer["internalJobIds"]
    ]
