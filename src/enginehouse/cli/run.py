"""`enginehouse run`: a server of its own, the main job on a person's file, URL or the sample, and what came out."""

import shlex
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from enginehouse.cli import curl, output, summary
from enginehouse.cli.child_server import ChildServer
from enginehouse.cli.connection import told
from enginehouse.cli.main_job import run_job
from enginehouse.cli.source import sourced
from enginehouse.client.http import Connection, RequestFailed

_RESULTS = "enginehouse-results"
_USUAL_PORT = 9000


@click.command()
@click.argument("source", metavar="[FILE|URL]", required=False)
@click.option("--data", type=click.Path(path_type=Path), help="Keep everything here instead of in a temporary folder.")
@click.option("--port", type=int, help="The server's port.  [default: a free one, 9000 with --keep]")
@click.option("--keep", is_flag=True, help="Leave the server up afterwards, until Ctrl-C.")
@click.option("--allow-private-urls", is_flag=True, help="Let the job read from private and local addresses.")
@output.json_option
def run(
    source: str | None, *, data: Path | None, port: int | None, keep: bool, allow_private_urls: bool, as_json: bool
) -> None:
    """Run a job on a text, Markdown or WAV file, an http(s) URL, or the sample, on a server of its own.

    The text is cut into chunks, language, sentiment and keywords are found in each, and everything is collated into
    one AION document. A WAV file is transcribed first.
    """
    signal.signal(signal.SIGTERM, _as_interrupt)
    shown = output.console(err=as_json)
    with ExitStack() as closing:
        given = closing.enter_context(sourced(source))
        folder = data or Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="enginehouse-")))
        results = data / "results" if data is not None else Path(_RESULTS)
        if port is None:
            port = _USUAL_PORT if keep else 0
        shown.print("starting a server …")
        server = closing.enter_context(ChildServer(folder, port, allow_private_urls=allow_private_urls))
        with Connection(server.url, server.token) as connection:
            try:
                ran = run_job(connection, given, results, shown)
            except RequestFailed as refused:
                raise told(refused) from None
        if as_json:
            output.show_json(ran.facts())
        else:
            summary.show(shown, ran.document)
            shown.print(f"\nThe whole result is in {ran.result}", soft_wrap=True)
            shown.print(curl.steps(ran, server, folder if keep or data else None, kept=keep), soft_wrap=True)
        if keep:
            shown.print(_how_to_reach(server, folder, temporary=data is None), soft_wrap=True)
            server.wait()


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _how_to_reach(server: ChildServer, folder: Path, *, temporary: bool) -> str:
    gone = f"\n  {folder} is temporary and goes with it; keep one with --data." if temporary else ""
    command = f"{curl.program()} job list --data {shlex.quote(str(folder))}"
    return (
        f"\nThe server stays up.\n  url    {server.url}\n  token  in {folder / 'token'}\n"
        f"  jobs   {command}\nStop it with Ctrl-C.{gone}"
    )
