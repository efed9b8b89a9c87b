"""The place of a store, as people write it: a folder of this machine, or `s3://bucket/prefix`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from enginehouse.artifacts.disk import DiskStore

if TYPE_CHECKING:
    from enginehouse.artifacts.s3 import S3Store

_SCHEME: Final = "s3://"


class PlaceError(Exception):
    """The place cannot be used. The message says what to do."""


def folder_of(place: str) -> Path | None:
    """Returns the folder of a store on this machine, None for one that is elsewhere."""
    return None if place.startswith(_SCHEME) else Path(place).expanduser().absolute()


def open_store(place: str, local: Path, *, cache_bytes: int = 0) -> "DiskStore | S3Store":
    """Returns the open store. One that is elsewhere keeps what it needs on this machine below `local`.

    Raises PlaceError, and OSError for a folder that cannot be made.
    """
    folder = folder_of(place)
    if folder is not None:
        return DiskStore(folder)
    bucket, _, prefix = place.removeprefix(_SCHEME).partition("/")
    try:
        # The library is large, and a server with a folder does without it.
        from enginehouse.artifacts.s3 import S3Store  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if missing.name != "obstore":
            raise
        text = 'needs a package that is not installed: pip install "enginehouse[s3]"'
        raise PlaceError(f"The store {place} {text}") from None
    return S3Store(bucket, prefix.strip("/"), local, cache_bytes=cache_bytes)
