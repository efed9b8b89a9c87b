"""Files that only the user of the server can read."""

import os
from pathlib import Path
from secrets import token_hex


def write(path: Path, text: str) -> None:
    """The file holds the text, whole or not at all, and nobody else can read it at any moment."""
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
