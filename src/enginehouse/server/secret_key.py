"""The file of the secret key in a data folder. The first start makes it; servers that share the folder share it."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from enginehouse.domain import secret_key
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.secret_key import FORM, SecretKey

FILE: Final = "secret-key"
VARIABLE: Final = "ENGINEHOUSE_SECRET_KEY"


def given(text: str) -> SecretKey:
    """Returns the key from the environment. Raises Unavailable."""
    key = secret_key.parse(text)
    if key is None:
        raise Unavailable(f"{VARIABLE} must be {FORM}.")
    return key


def read(data: Path) -> SecretKey | None:
    """Returns the key of the folder, None if there is no file. Raises Unavailable for a file that holds no key."""
    path = data / FILE
    try:
        text = path.read_text("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        text = f"The secret key {path} cannot be read: {error.strerror}. Make the user of the server its owner."
        raise Unavailable(text) from None
    key = secret_key.parse(text)
    if key is None:
        raise Unavailable(f"{path} must hold {FORM}. Restore it from a backup.")
    return key


def make(data: Path) -> SecretKey:
    """The folder has a key, which only the user of the server can read. Returns it; another server may have made it."""
    draft = data / f".{FILE}.{token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret_key.fresh().text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another server was faster
            os.link(draft, data / FILE)
        folder = os.open(data, os.O_RDONLY)
        try:
            os.fsync(folder)  # the database must not know a key whose file is lost by a power cut
        finally:
            os.close(folder)
    finally:
        draft.unlink(missing_ok=True)
    key = read(data)
    if key is None:
        raise Unavailable(f"The secret key {data / FILE} cannot be written.")
    return key
