"""An engine's result: one AION document (engine-contract c) for one input."""

import json
from typing import Any

from enginehouse.engine import Chunk, Output

AION = "application/vnd.veritone.aion+json"
MEDIA_TYPE = "application/json"


def output(document: dict[str, Any], source: Chunk | None) -> Output:
    """Returns `document` as an output at the place of its input in the media.

    A chunk's result keeps the chunk's index.
    """
    return Output(
        media_type=MEDIA_TYPE,
        data=json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        start_ms=source.start_ms if source else None,
        stop_ms=source.stop_ms if source else None,
    )


def fraction(value: float) -> float:
    """Returns `value` limited to 0..1, as AION requires of confidences and sentiments, with four decimals."""
    return round(min(max(float(value), 0.0), 1.0), 4)
