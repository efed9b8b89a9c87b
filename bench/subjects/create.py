"""How fast jobs become durable over REST."""

from itertools import repeat

from bench.figures import Sample
from bench.load import drive, rate
from bench.scale import Scale
from bench.server import Server

from bench import jobs

BATCH = 1000


async def measure(server: Server, scale: Scale) -> Sample:
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    waiting = jobs.waiting()
    one = place.request("POST", jobs.CREATE, jobs.creation(waiting))
    many = place.request("POST", jobs.CREATE, jobs.creation(*[waiting] * BATCH))
    sample = {
        "create_1": await rate(place, one, clients=1, seconds=scale.seconds),
        "create_64": await rate(place, one, clients=64, seconds=scale.seconds),
    }
    sample["create_batch"] = BATCH * (await drive(place, repeat(many, scale.requests), clients=1)).per_second
    running = place.request("POST", jobs.CREATE, jobs.creation(jobs.line(jobs.NOOP)))
    sample["create_64_running"] = await rate(place, running, clients=64, seconds=scale.seconds)
    return sample
