"""Engines as REST shows them (rest-contract §2A)."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class EngineDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """An engine. `internalOrganizationID` is present only if one organization owns the engine."""

    engine_id: str
    engine_name: str
    engine_category_id: str
    engine_type: str
    engine_output_type: str
    engine_state: str
    internal_organization_id: str | None = None
    parallel_processing: bool
    max_running: int | None = None
    max_processing_seconds_per_work_item: int
    fields_json: str | None = None
    created_date_time: str
    modified_date_time: str


class EngineAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: EngineDetail


class EngineList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[EngineDetail]
