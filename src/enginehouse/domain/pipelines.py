"""What a job pipeline is: templates that belong together, stage by stage. Which are in it, they say themselves."""

import msgspec


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A job pipeline. Moments in µs UTC."""

    id: int
    organization_id: int
    is_public: bool = False
    created_at: int = 0
    modified_at: int = 0
