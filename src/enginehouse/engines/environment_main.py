"""The first code of a child in an environment that is not the server's: it prepares the import of the code of a child.

Any Python from 3.6 on must be able to read this file, to say that it is too old. The interpreter starts without its
`site`, which runs what packages have left there: first the rules of the sandbox hold, then it runs.
"""

import json
import os
import site
import sys
from typing import Any

OLDEST = (3, 11)
KIND = "system_dependency_missing"


def main() -> None:
    code, rules, connection = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    if sys.version_info < OLDEST:
        refuse(connection, too_old(sys.version_info))
    # In place of this file's folder. Nothing installed here takes the place of the server's code.
    sys.path[0] = f"{code}/server"
    try:
        confine(rules)
    except OSError as error:
        refuse(connection, f"The sandbox of the engine could not be made: {error}.")
    site.main()
    sys.path.append(f"{code}/spare")  # last: the environment's own msgspec comes first
    try:
        from enginehouse.engines import child_main  # noqa: PLC0415 -- it can be imported only now
    except Exception as error:
        refuse(connection, no_codec(error))
    else:
        child_main.main()


def confine(rules: "dict[str, Any]") -> None:
    """The rules hold for this process. Raises OSError."""
    from enginehouse.engines.sandbox import confinement  # noqa: PLC0415 -- see above
    from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel  # noqa: PLC0415

    confinement.confine(Confinement(**dict(rules, level=SandboxLevel(rules["level"]))))


def too_old(version: "tuple[Any, ...]") -> str:
    """Returns what is wrong with an interpreter of this version."""
    text = f"The interpreter {sys.executable} is Python {version[0]}.{version[1]}"
    return f"{text}; an engine needs Python {OLDEST[0]}.{OLDEST[1]} or newer."


def no_codec(error: Exception) -> str:
    """Returns why the code of a child cannot be imported here: most often its only foreign package is missing."""
    if not isinstance(error, ImportError) or (error.name or "msgspec").partition(".")[0] != "msgspec":
        return f"The code of a child cannot be imported by {sys.executable}: {type(error).__name__}: {error}."
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        f"{sys.executable}, Python {version}, cannot import msgspec: the environment has none that works, and the "
        f"server's is for its own version. Install it there: {sys.executable} -m pip install 'msgspec>=0.20'"
    )


def refuse(connection: int, message: str) -> None:
    """The server's first request is answered with a failure, and this process ends.

    The message is packed by hand, since nothing that could do it is imported.
    """
    _read(connection, int.from_bytes(_read(connection, 4), "big"))
    words = ("type", "FailureReply", "kind", KIND, "message", message)
    body = b"\x83" + b"".join(b"\xda" + len(data).to_bytes(2, "big") + data for data in map(_bytes, words))
    os.write(connection, len(body).to_bytes(4, "big") + body)
    os._exit(0)


def _read(connection: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(connection, size - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:4000]


if __name__ == "__main__":
    main()
