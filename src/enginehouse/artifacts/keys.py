"""The keys of stored bytes: names joined by slashes, so that each is a path below a folder and a name in a bucket."""

from pathlib import Path
from typing import Final

_LONGEST: Final = 1024


def parts_of(key: str) -> list[str]:
    """Returns the names of the key. Raises ValueError if it is not a key."""
    parts = key.split("/")
    if len(key) > _LONGEST or not all(_is_name(part) for part in parts):
        raise ValueError(f"not an artifact key: {key[:200]!r}")
    return parts


def path_of(folder: Path, key: str) -> Path:
    """Returns the path below the folder for the bytes of the key. Raises ValueError if it is not a key."""
    return folder.joinpath(*parts_of(key))


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= 255 and part.isprintable() and "\\" not in part
