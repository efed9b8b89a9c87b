"""`enginehouse push`: content for the jobs that wait at an endpoint."""

import mimetypes
from pathlib import Path

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_spelling import job_spelling
from enginehouse.cli.options import key_option
from enginehouse.client import Client, pushes

_ANY_TYPE = "application/octet-stream"


@click.command()
@click.argument("endpoint")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--content-type", "media_type", metavar="TYPE", help="The media type; else it follows from the name.")
@click.option("--header", "headers", metavar="NAME=VALUE", multiple=True, help="A header x-aiware-…; may be repeated.")
@key_option
@output.json_option
@with_client
def push(
    client: Client,
    endpoint: str,
    path: Path,
    *,
    media_type: str | None,
    headers: tuple[str, ...],
    key: str | None,
    as_json: bool,
) -> None:
    """Push a file to the jobs that wait at an endpoint, and show their ids, or the result if the push waits for it."""
    named = dict(_header(each) for each in headers)
    media_type = media_type or mimetypes.guess_type(path.name)[0] or _ANY_TYPE
    answer = pushes.push(client, endpoint, path, media_type, headers=named, key=key)
    if answer.result is None:
        created = list(map(job_spelling, answer.job_ids))
        output.show({"ids": created, "internalJobIds": answer.job_ids}, "\n".join(created), as_json=as_json)
        return
    terminal.write([answer.result])


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.lower().startswith("x-aiware-"):
        raise CommandError(f"--header {text}: NAME=VALUE with a name that begins with x-aiware-.", exit_code=2)
    return name, value
