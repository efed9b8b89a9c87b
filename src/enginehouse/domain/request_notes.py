"""The names under which whoever serves a request notes facts of it in its ASGI scope, for the numbers and the log."""

from typing import Final

ROUTE: Final = "enginehouse.route"
"""The template of the path, which is one of a fixed set; a path itself may hold anything."""

ORGANIZATION: Final = "enginehouse.organization"
"""The id of the caller's organization."""

CORRELATION: Final = "enginehouse.correlation"
"""The correlation id of the request, as bytes."""
