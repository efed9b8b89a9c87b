"""The first check of every operation: what the caller may do, and for which organization."""

from collections.abc import Iterable

from enginehouse.domain.errors import NotAllowed, NotFound
from enginehouse.domain.identity import Principal, Role, WorkerScope

# Nobody has signed in: whoever owns the files of the server may do everything.
OWNER_OF_FILES = Principal(organization_id=1, user_id=None, token_id="", role=Role.ADMIN, super_admin=True)


def require(principal: Principal, role: Role) -> None:
    """Raises NotAllowed unless the caller has at least `role`. Operations call it before any look-up.

    It refuses a token for a task, which only the three functions below let through, and one for workers.
    """
    if principal.task is not None or principal.worker is not None or not principal.role.covers(role):
        raise NotAllowed


def require_worker(principal: Principal) -> WorkerScope:
    """Returns whose work the caller may take. Raises NotAllowed unless it holds a token for workers."""
    if principal.worker is None:
        raise NotAllowed("This needs a token for workers; see: enginehouse token create --worker")
    return principal.worker


def require_for_task(principal: Principal, role: Role, job_id: int, ordinal: int) -> None:
    """The same, for an operation on this task, which a token for it may do."""
    if principal.task is None or (job_id, ordinal) != principal.task[:2]:
        require(principal, role)


def require_for_jobs(principal: Principal, role: Role, job_ids: Iterable[int]) -> None:
    """The same, to read these jobs, which a token for a task of the only one may do."""
    if principal.task is None or any(job_id != principal.task.job_id for job_id in job_ids):
        require(principal, role)


def require_for_targets(principal: Principal, role: Role, target_ids: Iterable[int]) -> None:
    """The same, to read these targets and their assets, which a token for a task on the only one may do."""
    if principal.task is None or any(target_id != principal.task.target_id for target_id in target_ids):
        require(principal, role)


def require_super_admin(principal: Principal) -> None:
    """Raises NotAllowed unless the caller may create organizations and act for any of them."""
    if not is_super_admin(principal):
        raise NotAllowed


def is_super_admin(principal: Principal) -> bool:
    """True if the caller may create organizations and act for any of them."""
    return principal.super_admin and principal.role is Role.ADMIN


def organization_for(principal: Principal, organization_id: int | None) -> int:
    """Returns the organization of an operation: the caller's own, or the given one if the caller may act for it.

    Raises NotFound, the same for a foreign organization as for one that does not exist.
    """
    if organization_id is None or organization_id == principal.organization_id:
        return principal.organization_id
    if is_super_admin(principal):
        return organization_id
    raise NotFound("Organization", organization_id)
