"""The check of the secret key: it can be read, by nobody else, and is the one that the database was used with."""

import stat
from pathlib import Path
from typing import Final

from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.secret_key import SecretKey
from enginehouse.operations import secret_key
from enginehouse.server import secret_key as key_file

_NAME: Final = "secret key"
_OTHERS: Final = 0o077  # every right of the group and of everybody else


def finding(data: Path | None, given: str | None, known: str | None) -> Finding | None:
    """Returns the finding on the key, None if nobody has said where it is.

    `given` is the key in the environment, which stands for the file in `data`; `known` what recognizes the database's.
    """
    if given:
        place, file = key_file.VARIABLE, None
    elif data is not None:
        file = data / key_file.FILE
        place = str(file)
    else:
        return None
    try:
        key = key_file.given(given) if given else key_file.read(data or Path())
    except Unavailable as unusable:
        return Finding(_NAME, Verdict.WRONG, f"{unusable.message} No server starts without it.")
    wrong = secret_key.mismatch(place, key, known) or (key and file and _open_to_others(file))
    if wrong:
        return Finding(_NAME, Verdict.WRONG, wrong)
    return Finding(_NAME, Verdict.OK, _right(place, key, known))


def _open_to_others(file: Path) -> str | None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if not mode & _OTHERS:
        return None
    return f"other users can use {file}, whose mode is {mode:03o}. Take their rights: chmod 600 {file}"


def _right(place: str, key: SecretKey | None, known: str | None) -> str:
    if key is None:
        return f"the first start of a server makes {place}"
    return f"the next start binds the database to the key in {place}" if known is None else f"{place} is the database's"
