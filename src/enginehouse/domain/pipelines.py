"""What a job pipeline is: job templates that belong together, stage by stage. Each template names its pipeline."""

import msgspec


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A job pipeline. Moments in µs UTC."""

    id: int
    organization_id: int
    is_public: bool = False
    created_at: int = 0
    modified_at: int = 0
