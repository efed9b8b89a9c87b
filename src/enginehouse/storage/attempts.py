"""What has happened to the tasks of a job: every attempt, written once when it ends, read by people."""

from collections import defaultdict
from collections.abc import Sequence

from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.storage.database.database import Tx


async def attempts(tx: Tx, organization_id: int, wanted: Sequence[AttemptPage]) -> dict[AttemptPage, list[Attempt]]:
    """Each page that has something on it, by item and number; one statement for all of them."""
    rows = [(page.job_id, page.ordinal, organization_id, page.offset, page.limit) for page in sorted(set(wanted))]
    found: dict[AttemptPage, list[Attempt]] = defaultdict(list)
    for row in await tx.each("attempts.attempts", rows):
        found[AttemptPage(*row[:4])].append(Attempt(*row[4:]))
    return found


async def has_attempt(tx: Tx, organization_id: int, job_id: int, ordinal: int, item: int, number: int) -> bool:
    """Whether the organization has such an attempt, ended or running."""
    row = await tx.one(
        "attempts.attempt_of_item",
        organization_id=organization_id, job_id=job_id, ordinal=ordinal, item=item, number=number,
    )  # fmt: skip
    return row is not None
