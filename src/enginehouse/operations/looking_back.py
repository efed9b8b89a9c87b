"""What became of a schedule's slots, with the jobs that they started."""

from typing import Final

from enginehouse.domain.identity import Principal
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.operations.schedules import get
from enginehouse.storage import schedule_jobs
from enginehouse.storage import schedules as storage
from enginehouse.storage.database import Tx
from enginehouse.storage.schedules import SlotRecord

LATEST: Final = (1 << 63) - 1  # no slot is later


async def history(
    house: House, principal: Principal, schedule_id: int, shown: str = "", *, before: int = LATEST, limit: int = 100
) -> list[tuple[SlotRecord, list[int]]]:
    """What became of the slots before a moment, the latest first, and the jobs of each. Raises NotFound, InvalidInput.

    The jobs of a public schedule of another organization are that organization's alone.
    """
    bounds.page(0, limit, largest=house.limits.page_size)
    schedule = await get(house, principal, schedule_id, shown)

    async def look(tx: Tx) -> list[tuple[SlotRecord, list[int]]]:
        records = await storage.slots(tx, schedule.id, before=before, limit=limit)
        jobs = await schedule_jobs.of_slots(tx, principal.organization_id, schedule.id, records)
        return [(each, jobs.get(each.slot, [])) for each in records]

    return await house.database.read(look)
