"""Character references of HTML (`&lt;`, `&#8364;`) as the characters that they name."""

import re
from html import unescape
from typing import Final

__all__ = ["resolve"]

_TOO_LONG: Final = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{8,});?")  # no character has such a number


def resolve(text: str) -> str:
    """Returns the text with characters instead of references. A number without a character becomes U+FFFD."""
    return unescape(_TOO_LONG.sub("\ufffd", text))
