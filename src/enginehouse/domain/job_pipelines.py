"""A job pipeline groups job templates, stage by stage. Each template names its pipeline."""

import msgspec


class JobPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A job pipeline. Times in µs UTC."""

    id: int
    organization_id: int
    is_public: bool = False
    created_at: int = 0
    modified_at: int = 0
