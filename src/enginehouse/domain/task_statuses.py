"""What follows when a client sets the statuses of tasks: back into the queue, or aborted. Pure."""

from collections.abc import Sequence

from enginehouse.domain.event import NOT_NEEDED, PARENT_FAILED, REQUESTED
from enginehouse.domain.planning.edges import reach
from enginehouse.domain.settlement import Settlement


class StatusSettlement(Settlement):
    """A settlement of what a client asks for, and not of the end of an attempt."""

    def requeued(self, ordinals: Sequence[int]) -> None:
        """These tasks, which failed or were aborted, run again from the beginning, as `requeue.returning` chose them.

        Their outputs were deleted before. The standby of such a task stands by again.
        """
        again = list(ordinals)
        for ordinal in ordinals:
            task = self._task(ordinal)
            task.failure_reason = task.failure_message = None
            self._move(task, "requeue")
            again += self._stand_by_again(ordinal)
        self.placed(again)

    def aborted(self, ordinals: Sequence[int]) -> None:
        """A client wants no result of these tasks. Their dependants are aborted too; running attempts are fenced."""
        for ordinal in ordinals:
            self._abort(self._task(ordinal), REQUESTED)
        for ordinal in ordinals:
            for each in reach(self.edges, ordinal):
                self._abort(self._task(each), PARENT_FAILED)

    def no_more_pushes(self, ordinals: Sequence[int]) -> None:
        """These tasks, which awaited pushes, have all their input. Each completes when its open items have ended."""
        for ordinal in ordinals:
            task = self._task(ordinal)
            task.waits_for -= 1
            task.changed = True
            if task.waits_for == 0:
                self._release(task)
        self._run_turns()

    def _stand_by_again(self, principal: int) -> list[int]:
        """Undoes `_leave_out_standby` for the standbys that a settlement has left out. Returns them."""
        again, standby = list[int](), self.edges.standbys[principal]
        while standby is not None and (state := self._task(standby)).failure_reason == NOT_NEEDED:
            self.job.aborted += 1
            state.failure_reason = None
            self._move(state, "stand_by")
            again.append(standby)
            standby = self.edges.standbys[standby]
        return again
