"""The first check of every operation: what the caller may do, and for which organization."""

from enginehouse.domain.errors import NotAllowed, NotFound
from enginehouse.domain.identity import Principal, Role

# Nobody has signed in: whoever owns the files of the server may do everything.
OWNER_OF_FILES = Principal(organization_id=1, user_id=None, token_id="", role=Role.ADMIN, super_admin=True)


def require(principal: Principal, role: Role) -> None:
    """Raises NotAllowed unless the caller has at least `role`. Operations call it before any look-up."""
    if not principal.role.covers(role):
        raise NotAllowed


def require_super_admin(principal: Principal) -> None:
    """Raises NotAllowed unless the caller may create organizations and act for any of them."""
    require(principal, Role.ADMIN)
    if not principal.super_admin:
        raise NotAllowed


def organization_for(principal: Principal, organization_id: int | None) -> int:
    """Returns the organization of an operation: the caller's own, or the given one if the caller may act for it.

    Raises NotFound, the same for a foreign organization as for one that does not exist.
    """
    if organization_id is None or organization_id == principal.organization_id:
        return principal.organization_id
    if principal.super_admin and principal.role is Role.ADMIN:
        return organization_id
    raise NotFound("Organization", organization_id)
