"""The names under which those who serve a request leave notes for each other in its ASGI scope."""

from typing import Final

ROUTE: Final = "enginehouse.route"
"""The template of the path, which is one of a fixed set; a path itself may hold anything."""

ORGANIZATION: Final = "enginehouse.organization"
"""The id of the caller's organization."""

CORRELATION: Final = "enginehouse.correlation"
"""The correlation id of the request, as bytes."""

STATUS: Final = "enginehouse.status"
"""The status of an answer that was sent whole, so that no message of ASGI tells it."""

SHARED_HEADERS: Final = "enginehouse.shared_headers"
"""The headers that an answer sent whole gets for pages of other origins."""

SEND_WHOLE: Final = "enginehouse.send_whole"
"""Sends an answer in one call: (status, headers of many answers, headers of this one, body). Only our own protocol has
it. It returns False if the answer must be sent by messages."""
