"""Measures how fast jobs become durable over REST."""

from collections.abc import Iterator
from itertools import count, repeat

from bench.figures import Sample
from bench.load import drive, during, rate
from bench.scale import Scale
from bench.server import Server

from bench import jobs

BATCH = 1000
_KEY = "key-of-this-request"


async def measure(server: Server, scale: Scale) -> Sample:
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    waiting = jobs.waiting()
    one = place.request("POST", jobs.CREATE, jobs.creation(waiting))
    keyed = place.request("POST", jobs.CREATE, jobs.creation(waiting), key=_KEY)
    many = place.request("POST", jobs.CREATE, jobs.creation(*[waiting] * BATCH))
    sample = {
        "create_1": await rate(place, one, clients=1, seconds=scale.seconds),
        "create_64": await rate(place, one, clients=64, seconds=scale.seconds),
    }
    sample["create_64_keyed"] = (await drive(place, during(scale.seconds, _keyed(keyed)), clients=64)).per_second
    sample["create_batch"] = BATCH * (await drive(place, repeat(many, scale.requests), clients=1)).per_second
    running = place.request("POST", jobs.CREATE, jobs.creation(jobs.line(jobs.NOOP)))
    sample["create_64_running"] = await rate(place, running, clients=64, seconds=scale.seconds)
    return sample


def _keyed(request: bytes) -> Iterator[bytes]:
    """Yields the request again and again, each time with another key."""
    before, after = request.split(_KEY.encode())
    return (b"%b%d%b" % (before, number, after) for number in count())
