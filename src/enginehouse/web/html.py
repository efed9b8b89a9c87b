"""Renders the templates, with the few words that they share."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from markupsafe import Markup

from enginehouse.domain import ids
from enginehouse.web.static_files import address

if TYPE_CHECKING:
    from jinja2 import Environment

_MICROS: Final = 1_000_000
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))
_TURNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
NAVIGATION: Final = (
    ("/", "Overview"),
    ("/jobs", "Jobs"),
    ("/schedules", "Schedules"),
    ("/engines", "Engines"),
    ("/workers", "Workers"),
    ("/webhooks", "Webhooks"),
    ("/docs", "APIs"),
)
ADMIN_NAVIGATION: Final = (("/audit", "Audit"), ("/people", "People"))
MARKS: Final = {
    "pending": "○", "queued": "◔", "running": "▶", "complete": "✓", "failed": "✕", "aborted": "⊘",
    "lost": "✕", "stopped": "⊘", "postponed": "…", "paused": "‖", "waiting": "…", "standby_pending": "○",
}  # fmt: skip
"""A sign beside each status, so that no status is told by its colour alone."""


def render(template: str, **values: Any) -> str:
    """Returns the page."""
    return _environment().get_template(template).render(**values)


def moment(micros: int | None) -> Markup:
    """Returns a time as an element: in UTC, and in the reader's own zone when the script has run."""
    if micros is None:
        return Markup('<span class="nothing">–</span>')
    at = datetime.fromtimestamp(micros / _MICROS, UTC)
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}" title="{} UTC">{} UTC</time>').format(at.isoformat(), text, text)


def minute(micros: int) -> Markup:
    """Returns a minute of the day as an element: in UTC, and in the reader's own zone when the script has run."""
    at = datetime.fromtimestamp(micros / _MICROS, UTC)
    title = at.strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time class="minute" datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), title, at.strftime("%H:%M")
    )


def duration(micros: int | None) -> str:
    """Returns how long something took, in the two largest units."""
    if micros is None:
        return "–"
    seconds = micros / _MICROS
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for n, (unit, name) in enumerate(_UNITS):
        if seconds >= unit:
            rest, smaller = (_UNITS[n + 1]) if n + 1 < len(_UNITS) else (1, "s")
            return f"{int(seconds // unit)} {name} {int(seconds % unit // rest)} {smaller}"
    return "–"


def size(count: int | None) -> str:
    """Returns a number of bytes in the unit that fits."""
    if count is None:
        return "–"
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def pretty(value: Any) -> str:
    """Returns the value as JSON for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def name(text: str) -> str:
    """Returns a name with a sign in place of each character that would turn the direction of what stands beside it."""
    return _TURNS.sub("\N{REPLACEMENT CHARACTER}", text)


@cache
def _environment() -> "Environment":
    # Jinja is imported with the first page, because it takes as long as a tenth of the start.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # noqa: PLC0415

    made = Environment(
        loader=PackageLoader("enginehouse.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"static": address, "marks": MARKS, "navigation": NAVIGATION, "admin_navigation": ADMIN_NAVIGATION}
    made.filters |= {
        "moment": moment,
        "minute": minute,
        "duration": duration,
        "size": size,
        "pretty": pretty,
        "name": name,
        "job_id": ids.job_graphql,
        "number": lambda count: f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
    }
    return made
