"""Inserts the rows of work items, and deletes those of a job."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.fair_order import turn_at
from enginehouse.domain.ids import micros_of
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.work import ItemSource
from enginehouse.storage.database.database import Row, Tx

NO_DUE_DATE: Final = 9_223_372_036_854_775_807


def row(
    plan: Plan,
    edges: Edges,
    job_id: int,
    organization_id: int,
    ordinal: int,
    item: int,
    source: ItemSource,
    now: int,
    held: int = 0,
    attempts: int = 0,
) -> Row:
    """Returns the row of a new work item, which may start at once unless it is held.

    The numbers of its attempts follow `attempts`. In a job that lives on pushes, items have their turn as they arrive.
    """
    task = plan.tasks[ordinal]
    due = task.due_at if task.due_at is not None else NO_DUE_DATE
    turn = now if edges.takes_pushes else turn_at(micros_of(job_id), edges.places[ordinal], item)
    return (
        job_id, ordinal, item, organization_id, task.pool, task.engine_id, task.priority, due, turn, now,
        source.folder, source.ordinal, source.output_folder, source.item, source.part, held, attempts,
    )  # fmt: skip


async def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """Inserts the items. They may be claimed from this commit on unless they are held."""
    await tx.many("work.insert_items", rows)


async def delete_of_jobs(tx: Tx, job_ids: Sequence[int]) -> None:
    """Deletes the items of these jobs. No task of them starts, and running attempts lose their leases."""
    await tx.change("work.delete_items_of_jobs", ids=job_ids)
