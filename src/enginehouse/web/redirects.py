"""Addresses within this server, as the only ones to which a page leads a browser."""

from urllib.parse import urlsplit


def own_path(text: str) -> str:
    """Returns a path on this server; "/" for anything that leads elsewhere."""
    parts = urlsplit(text)
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return text if is_own and text.isprintable() else "/"
