"""The steps of `enginehouse run` as commands for a shell, with every quote they need."""

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from enginehouse.cli.run_job import TARGET, CompleteRun
from enginehouse.client import files

_ID = r"""sed 's/.*"id":"\([^"]*\)".*/\1/'"""
_NAME = r"""sed 's/.*"name":"\([^"]*\)".*/\1/'"""
_AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
_ENDED = "complete|failed|aborted"
_PORT = 9000


def steps(run: CompleteRun, url: str, data: Path | None, *, keep: bool) -> str:
    """Returns the commands to type next. `data` is the folder to serve from, None if there is none yet.

    With `keep` the server at `url` goes on running; otherwise the first step starts one.
    """
    folder = data or Path("enginehouse-data")
    lines = ["", "The same by hand:", ""]
    if not keep:
        url = f"http://127.0.0.1:{_PORT}"
        serve = f"{program()} serve --data {_quote(folder)} --port {_PORT}"
        lines += [f"{serve}   # leave it running, and continue in another shell", ""]
    lines += [f"URL={url}", f"TOKEN=$(cat {_quote(folder / 'token')})", *_create(run), *_FOLLOW]
    return "\n".join(lines)


def program() -> str:
    """Returns how a shell starts this program: its name if the shell finds it, else its path."""
    if shutil.which("enginehouse"):
        return "enginehouse"
    beside = Path(sys.executable).with_name("enginehouse")
    with suppress(ValueError):
        beside = beside.relative_to(Path.cwd())
    return _quote(beside)


def _create(run: CompleteRun) -> list[str]:
    headers = f"{_AUTHORIZED} -H 'Content-Type: application/json'"
    request = _quote(run.request)
    if run.input.path is None:
        return [f"JOB=$(curl -s $URL/v3/graphql {headers} --data @{request} | {_ID})"]
    query = shlex.quote("query=" + files.upload_query(run.input.name, files.ANY))
    file = shlex.quote(f"file=@{_form_path(run.input.path.absolute())};type={files.ANY}")
    return [
        f"TARGET=$(curl -s $URL/v3/graphql {_AUTHORIZED} --form-string {query} -F {file} | {_ID})",
        f'JOB=$(sed "s/{TARGET}/$TARGET/" {request} | curl -s $URL/v3/graphql {headers} --data @- | {_ID})',
    ]


def _form_path(path: Path) -> str:
    """Returns the path as curl's -F reads it: in quotes, because commas and semicolons have a meaning there."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


_STATUS = f"curl -s $URL/edge/v1/proc/job/$JOB/status {_AUTHORIZED}"
_FOLLOW = (
    f"for i in $(seq 600); do {_STATUS} | grep -E '{_ENDED}' && break; sleep 1; done",
    f"NAME=$(curl -s $URL/edge/v1/proc/job/$JOB/outputs {_AUTHORIZED} | {_NAME})",
    f'curl -s $URL/edge/v1/proc/job/$JOB/download/$NAME {_AUTHORIZED} -o "$NAME" && ls -l "$NAME"',
)


def _quote(path: Path) -> str:
    return shlex.quote(str(path))
