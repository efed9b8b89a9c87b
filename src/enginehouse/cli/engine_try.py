"""`enginehouse engine try`: runs a Python engine on a file, kept apart as a server does, without a server."""

import asyncio
import mimetypes
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from msgspec import structs

from enginehouse.cli import output, terminal
from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import json_object, payload_option
from enginehouse.engine import Chunk, EngineFailure, EngineSpec, Output, Work
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.native.files import link_or_copy
from enginehouse.engines.sandbox.sandbox import Sandbox, SandboxMissing, choose
from enginehouse.settings import SANDBOXES

_SHOWN: Final = 4_000  # bytes of a result; --output keeps all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is run: an engine by its place or entry point, on a file. `python` None: with this interpreter."""

    engine: str
    file: Path
    media_type: str
    payload: Any
    sandbox: Sandbox
    python: str | None = None


@click.command("try")
@click.argument("name", metavar="ENGINE")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--type", "media_type", metavar="TYPE", help="The media type of the file.  [default: by its name]")
@payload_option
@click.option("--output", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep the results here.")
@click.option(
    "--engine-sandbox", type=click.Choice(SANDBOXES), default="auto", show_default=True, help="How it is kept apart."
)
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The interpreter of the environment in which ENGINE is installed.  [default: that of this command]",
)
@output.json_option
def try_once(
    *,
    name: str,
    file: Path,
    media_type: str | None,
    payload: str | None,
    folder: Path | None,
    engine_sandbox: str,
    python: Path | None,
    as_json: bool,
) -> None:
    """Run a Python engine on a file, without a server: its results on stdout, its log on stderr.

    ENGINE is MODULE:NAME, found from this folder, or the entry point of an installed engine. With --python it is what
    is installed in that environment.
    """
    here = Path.cwd()
    sys.path.insert(0, str(here))  # a child imports from where this process does
    try:
        sandbox = Sandbox(choose(engine_sandbox), (here,))
    except SandboxMissing as missing:
        raise CommandError(f"--engine-sandbox {engine_sandbox} cannot be used: {missing}.") from None
    trial = Trial(
        engine=name,
        file=file,
        media_type=media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        payload=json_object("--payload", payload) if payload is not None else {},
        sandbox=sandbox,
        python=None if python is None else str(python.expanduser().absolute()),
    )
    keeper = Keeper.start()
    # A child that has failed is ended by the keeper, which may still write here until it is closed.
    with tempfile.TemporaryDirectory(prefix="enginehouse-try-", ignore_cleanup_errors=True) as scratch:
        try:
            _show(asyncio.run(_run(trial, keeper, Path(scratch))), folder, as_json=as_json)
        except EngineFailure as failure:
            raise CommandError(f"{failure.kind.value}: {failure.message}") from None
        finally:
            keeper.close()


async def _run(trial: Trial, keeper: Keeper, scratch: Path) -> list[Output]:
    pool = ChildPool(keeper, scratch, slots=1, sandbox=trial.sandbox)
    try:
        spec = await _spec(pool, trial.engine, Interpreter(trial.python))
        work = scratch / "work"
        work.mkdir()
        copy = scratch / "input"
        link_or_copy(trial.file, copy)
        size = copy.stat().st_size
        return await pool.call(
            structs.replace(spec, entry_point=trial.engine, python=trial.python),
            Work(
                job_id="try",
                task_id="try",
                organization_id=1,
                target_id=None,
                engine_id=spec.id,
                payload=trial.payload,
                inputs=(Chunk(path=copy, media_type=trial.media_type, size=size, name=trial.file.name),),
                folders=(),
                directory=work,
                timeout_seconds=spec.timeout_seconds,
            ),
            log=_log,
            timeout=spec.timeout_seconds,
            memory_mb=spec.memory_mb,
            organization_id=1,
        )
    finally:
        await pool.close()


async def _spec(pool: ChildPool, name: str, python: Interpreter) -> EngineSpec:
    [found] = await pool.read_engines([name], python)
    if isinstance(found, EngineFailure):
        raise found
    if found.spec is None:
        raise CommandError(f'"{name}" has no spec: give it an EngineSpec with that name.')
    return found.spec


def _log(data: bytes) -> None:
    terminal.echo(data.decode("utf-8", "replace").removesuffix("\n"), err=True)


def _show(outputs: list[Output], folder: Path | None, *, as_json: bool) -> None:
    rows = []
    for number, one in enumerate(outputs):
        data = one.data if one.data is not None else (one.path or Path()).read_bytes()
        name = Path(one.name or f"output-{number}{mimetypes.guess_extension(one.media_type) or ''}").name
        rows.append({"name": name, "mediaType": one.media_type, "size": len(data)})
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            terminal.echo(f"kept {folder / name}", err=True)
        elif not as_json:
            more = " … (--output keeps all of it)" if len(data) > _SHOWN else ""
            terminal.echo(f"{name}, {one.media_type}:\n{data[:_SHOWN].decode('utf-8', 'replace')}{more}")
    if as_json:
        output.show_json({"outputs": rows})
    elif not outputs:
        terminal.echo("The engine answered that there is nothing to keep.")
