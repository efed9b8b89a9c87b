"""Whether tests try all their cases. Without `make chaos`, those that become better with more cases try a part."""

import os
from typing import Final

THOROUGH: Final = bool(os.environ.get("ENGINEHOUSE_CHAOS"))
