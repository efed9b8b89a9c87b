"""The callers in the tests of the operations: two organizations, and a caller of every role."""

from dataclasses import dataclass

from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import accounts, identity
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House

BOOTSTRAP = "0f8f5e0c-6c0e-4d53-9a3e-6f1c3f0a7b11"


@dataclass(frozen=True, slots=True)
class People:
    """`stranger` is the administrator of another organization; the others belong to the first one."""

    super_admin: Principal
    admin: Principal
    user: Principal
    reader: Principal
    stranger: Principal

    def roles(self) -> dict[str, Principal]:
        return {"reader": self.reader, "user": self.user, "admin": self.admin, "super_admin": self.super_admin}


async def arrive(house: House) -> People:
    """Carries out the first start and gives every caller a token."""
    await first_start(house, init_token=BOOTSTRAP)
    chief = await identity.authenticate(house, BOOTSTRAP)
    other = await accounts.create_organization(house, chief, "Other")

    async def holder(role: Role, organization_id: int | None = None) -> Principal:
        issued = await identity.create_token(house, chief, role=role, organization_id=organization_id)
        return await identity.authenticate(house, issued.secret)

    return People(
        super_admin=chief,
        admin=await holder(Role.ADMIN),
        user=await holder(Role.USER),
        reader=await holder(Role.READER),
        stranger=await holder(Role.ADMIN, other.id),
    )
