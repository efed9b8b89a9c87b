"""The steps of `enginehouse run` as commands for a shell, right down to the quotes."""

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from enginehouse.cli.main_job import TARGET, Ran
from enginehouse.client import files

_ID = r"""sed 's/.*"id":"\([^"]*\)".*/\1/'"""
_NAME = r"""sed 's/.*"name":"\([^"]*\)".*/\1/'"""
_AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
_ENDED = "complete|failed|aborted"
_PORT = 9000


class Reached(Protocol):
    """Where a server is."""

    url: str


def steps(ran: Ran, server: Reached, data: Path | None, *, kept: bool) -> str:
    """What to type next, as text. `data` is the folder to serve from, None where there is none yet."""
    folder = data or Path("enginehouse-data")
    url = server.url if kept else f"http://127.0.0.1:{_PORT}"
    lines = ["", "The same by hand:", ""]
    if not kept:
        lines += [
            f"{program()} serve --data {_quoted(folder)} --port {_PORT}   # leave it running, go on in another shell",
            "",
        ]
    lines += [f"URL={url}", f"TOKEN=$(cat {_quoted(folder / 'token')})", *_create(ran), *_FOLLOW]
    return "\n".join(lines)


def program() -> str:
    """How this shell starts the program: by its name where that is found, else by the path of this very one."""
    if shutil.which("enginehouse"):
        return "enginehouse"
    beside = Path(sys.executable).with_name("enginehouse")
    with suppress(ValueError):
        beside = beside.relative_to(Path.cwd())
    return _quoted(beside)


def _create(ran: Ran) -> list[str]:
    sending = f"{_AUTHORIZED} -H 'Content-Type: application/json'"
    request = _quoted(ran.request)
    if ran.source.path is None:
        return [f"JOB=$(curl -s $URL/v3/graphql {sending} --data @{request} | {_ID})"]
    query = shlex.quote("query=" + files.upload_query(ran.source.name, ran.source.kind.media_type))
    file = shlex.quote(f"file=@{_for_form(ran.source.path.absolute())};type={ran.source.kind.media_type}")
    return [
        f"TARGET=$(curl -s $URL/v3/graphql {_AUTHORIZED} --form-string {query} -F {file} | {_ID})",
        f'JOB=$(sed "s/{TARGET}/$TARGET/" {request} | curl -s $URL/v3/graphql {sending} --data @- | {_ID})',
    ]


def _for_form(path: Path) -> str:
    """The path as curl's -F reads it: quoted, since commas and semicolons mean something there."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


_FOLLOW = (
    f"until curl -s $URL/edge/v1/proc/job/$JOB/status {_AUTHORIZED} | grep -E '{_ENDED}'; do sleep 1; done",
    f"NAME=$(curl -s $URL/edge/v1/proc/job/$JOB/outputs {_AUTHORIZED} | {_NAME})",
    f'curl -s $URL/edge/v1/proc/job/$JOB/download/$NAME {_AUTHORIZED} -o "$NAME" && ls -l "$NAME"',
)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
