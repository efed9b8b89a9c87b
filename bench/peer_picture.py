"""The product beside the task queues as a picture: bars, readable on a light and on a dark page."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from bench.peer_rows import OURS, PICTURED, PeerRow, number

_WIDTH: Final = 880
_COLUMNS: Final = 2
_PANEL: Final = _WIDTH // _COLUMNS
_NAME, _VALUE, _EDGE = 160, 64, 20  # widths beside the bars
_BAR: Final = _PANEL - _NAME - _VALUE - 2 * _EDGE
_LINE, _HEAD = 20, 40
_STYLE: Final = """
    .page { fill: #ffffff } text { fill: #1f2933; font: 12px system-ui, sans-serif } .title { font-weight: 600 }
    .note { fill: #52606d } .ours { fill: #1f6feb } .peer { fill: #9aa5b1 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } text { fill: #e6edf3 } .note { fill: #9aa5b1 } .ours { fill: #58a6ff }
      .peer { fill: #57606a }
    }
"""


def picture(kept: Mapping[str, Any]) -> str:
    """Returns the SVG: a panel for each row, a bar for each contender. Each panel has a scale of its own."""
    panels = [(row, values) for row in PICTURED if (values := row.values(kept))]
    lines, top = list[str](), _EDGE
    for first in range(0, len(panels), _COLUMNS):
        pair = panels[first : first + _COLUMNS]
        for column, (row, values) in enumerate(pair):
            lines += _panel(row, values, column * _PANEL + _EDGE, top)
        top += _HEAD + max(len(values) for _, values in pair) * _LINE + _EDGE
    said = "; ".join(f"{row.title} ({row.unit}): {_said(values)}" for row, values in panels)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" role="img">',
            "  <title>Enginehouse beside task queues</title>",
            f"  <desc>{escape(said)}</desc>",
            f"  <style>{_STYLE}  </style>",
            f'  <rect class="page" width="{_WIDTH}" height="{top}"/>',
            *lines,
            "</svg>",
            "",
        ]
    )


def _panel(row: PeerRow, values: Mapping[str, float], left: int, top: int) -> Iterator[str]:
    better = "more is better" if row.rises else "less is better"
    yield f'  <text class="title" x="{left}" y="{top + 14}">{escape(row.title)}</text>'
    yield f'  <text class="note" x="{left}" y="{top + 30}">{escape(row.unit)}, {better}</text>'
    largest = max(values.values()) or 1.0
    for number_, (name, value) in enumerate(values.items()):
        y, long = top + _HEAD + number_ * _LINE, max(1.0, value / largest * _BAR)
        kind = "ours" if name in OURS else "peer"
        yield f'  <text x="{left}" y="{y + 12}">{escape(name)}</text>'
        yield f'  <rect class="{kind}" x="{left + _NAME}" y="{y + 2}" width="{long:.1f}" height="13" rx="2"/>'
        yield f'  <text x="{left + _NAME + long + 6:.1f}" y="{y + 12}">{number(value)}</text>'


def _said(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())
