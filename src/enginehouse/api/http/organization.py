"""For which organization a call is: the token's own, unless the caller may act for the one it names."""

from enginehouse.domain import ids
from enginehouse.operations.accounts import acting

__all__ = ["acting", "shown"]


def shown(organization_id: int) -> str:
    """The organization's id where REST wants a UUID."""
    return ids.tagged_uuid(ids.Tag.ORGANIZATION, organization_id)
