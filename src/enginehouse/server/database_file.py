"""The file in a data folder that remembers its database, so that nobody uses the folder with another one by mistake."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

from enginehouse.domain.errors import Unavailable
from enginehouse.server import private_file

FILE: Final = "database"
EMBEDDED: Final = "the embedded database"
_UNFINISHED: Final = {"restore": "unfinished"}


class RememberedDatabase(NamedTuple):
    """`id` is that of the store of its bytes, which no other database has. `place` is for people."""

    id: str
    place: str


def read(data: Path) -> RememberedDatabase | None:
    """Returns what the folder remembers, None before the first start. Raises Unavailable for a file of another form."""
    path = data / FILE
    try:
        content = json.loads(path.read_text("utf-8"))
        if content == _UNFINISHED:
            raise Unavailable(f"A restore into {data} has not ended: empty the folder, and restore again.")
        return RememberedDatabase(str(content["id"]), str(content["place"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"{path} must name the folder's database. Restore it from a backup, or remove it.") from None


def begin_restore(data: Path) -> None:
    """No server starts on the folder until `end_restore`."""
    private_file.write(data / FILE, json.dumps(_UNFINISHED) + "\n")


def end_restore(data: Path) -> None:
    """The folder remembers no database, so the next start may use it with the one that was restored."""
    (data / FILE).unlink()


def check_place(data: Path, place: str) -> None:
    """Raises Unavailable if the folder belongs to a database of the other kind: nothing is opened or made then."""
    known = read(data)
    if known is not None and (known.place == EMBEDDED) != (place == EMBEDDED):
        how = "without --database" if known.place == EMBEDDED else f"with --database {known.place}"
        raise Unavailable(
            f"The data folder {data} belongs to {known.place} and not to {place}: start {how}, or give another --data."
        )


def bind(data: Path, place: str, id_: str, former: Collection[str] = ()) -> None:
    """The folder remembers this database. Raises Unavailable if it remembers another one.

    `former`: the ids of the stores that the database has left.
    """
    known, own = read(data), RememberedDatabase(id_, place)
    if known is not None and known.id not in (own.id, *former):
        raise Unavailable(
            f"The data folder {data} belongs to another database, which was at {known.place}: start with that one, or "
            f"give another --data. If it is lost, remove {data / FILE}."
        )
    if known != own:
        private_file.write(data / FILE, json.dumps(own._asdict()) + "\n")
