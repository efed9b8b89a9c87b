"""A content template describes what the jobs of a scheduled job record, by a schema that is kept elsewhere."""

from typing import Any

import msgspec


class ContentTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """One content template of a scheduled job; `data` fits the schema, `sdo_id` names the object that holds it."""

    id: str = ""
    organization_id: int = 0
    schedule_id: int = 0
    schema_id: str
    sdo_id: str = ""
    data: Any = None
    created_at: int = 0
    modified_at: int = 0
