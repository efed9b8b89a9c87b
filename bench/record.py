"""Keeps a run as the recorded one, and writes the tables and the picture of the documentation from it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.compare import RECORDED, Incomparable, require_alike

from bench import peer_picture, recorded_tables

_DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = _DOCS / "how-we-measure.md"
PICTURE: Final = _DOCS / "pictures/peers.svg"
_PART: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)
_PARTS: Final = {"peers": recorded_tables.peers, "ours": recorded_tables.ours}


def write(told: Mapping[str, Any]) -> None:
    """The run is recorded, and the documentation shows it."""
    before = json.loads(RECORDED.read_text()) if RECORDED.exists() else None
    kept = merged(before, told)
    RECORDED.write_text(json.dumps(kept, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(), kept))
    PICTURE.write_text(peer_picture.picture(kept))


def merged(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the figures of this run, and those of the recorded one that it has not measured.

    What another machine or scale has measured is left out. Each figure says how busy the machine was.
    """
    load = now["conditions"]["machine"]["load"]
    measured = [dict(figure) | {"load": load} for figure in now["figures"] if figure["results"]]
    if before is not None:
        try:
            require_alike(before, now)
        except Incomparable:
            before = None
    old = {} if before is None else {figure["key"]: figure for figure in before["figures"]}
    for figure in measured:
        earlier = old.pop(figure["key"], None)
        if earlier is not None:
            figure["results"] = earlier["results"] | figure["results"]
    return {"conditions": dict(now["conditions"]), "figures": [*measured, *old.values()]}


def page(text: str, kept: Mapping[str, Any]) -> str:
    """Returns the page with its tables as recorded."""
    return _PART.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]](kept)}\n\n{part[3]}", text)
