"""Who did what, as `/api/v1/audit` has it."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class ActShown(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One change or refusal. `auditID` goes into `before` for the page after; a token is named by its id only."""

    audit_id: str
    date_time: str
    event_type: str
    success: bool = msgspec.field(name="success")
    organization_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    token_id: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    correlation_id: str | None = None
    description: str | None = None
