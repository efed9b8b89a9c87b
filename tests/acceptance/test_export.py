"""`enginehouse export create`: it shows the progress, waits, and saves the zip; kill -9 of the server loses nothing."""

import json
from pathlib import Path
from zipfile import ZipFile

from tests.acceptance.server import NOOP, TOKEN, Server, ended, offer, serving
from tests.acceptance.servers import Said, call


def cli(server: Server, *arguments: str) -> Said:
    return call("export", *arguments, environment={"ENGINEHOUSE_DATA": str(server.data), "ENGINEHOUSE_TOKEN": TOKEN})


async def spoken(server: Server) -> str:
    """Returns the id of a target on which an engine has published its results."""
    query = (
        'mutation { createJob(input: {target: {status: "downloaded"}, tasks: [{engineId: "speaks"}]}) { id targetId } }'
    )
    async with server.client() as client:
        made = (await client.post("/v3/graphql", json={"query": query})).json()["data"]["createJob"]
        assert await ended(client, made["id"]) == "complete"
    target_id: str = made["targetId"]
    return target_id


def check_zip(server: Server) -> None:
    """`doctor --artifacts` finds that the zip of the only export is lost, and says what to do."""

    def checked() -> list[dict[str, str]]:
        said = call("doctor", "--artifacts", "--json", "--data", str(server.data))
        return [one for one in json.loads(said.out)["checks"] if one["check"] in ("artifacts", "secret key")]

    assert [(one["check"], one["verdict"]) for one in checked()] == [("secret key", "ok"), ("artifacts", "ok")]
    [zip_] = [path for path in (server.data / "artifacts/kept/exports").rglob("*") if path.is_file()]
    kept = zip_.read_bytes()
    zip_.write_bytes(kept[:-1] + b"x")
    [wrong] = [one["text"] for one in checked() if one["verdict"] == "wrong"]
    zip_.write_bytes(kept)
    assert wrong.startswith("export ")
    assert "the bytes have changed since they were stored. Request the export again" in wrong


async def test_an_export_is_requested_followed_and_saved(tmp_path: Path) -> None:
    path, file = offer(tmp_path / "offered", "speaks"), tmp_path / "results.zip"
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        target_id = await spoken(server)
        said = cli(server, "create", target_id, "--output", str(file))
        assert (said.code, said.out) == (0, f"{file}\n"), said.err
        assert "complete, 2/2 files" in said.err
        with ZipFile(file) as archive:
            names = archive.namelist()
            assert json.loads(archive.read("manifest.json"))["targets"][0]["tdoId"] == target_id
        assert len(names) == 3
        check_zip(server)
        requested = cli(server, "create", target_id, "--media", "--no-wait").out.strip()
        said = cli(server, "download", requested, "--output", str(file), "--json")
        assert (json.loads(said.out)["id"], json.loads(said.out)["saved"]) == (requested, str(file))
        assert "1 thing was left out" in said.err
        assert json.loads(cli(server, "list", "--json").out)[0]["id"] == requested
        assert requested in cli(server, "list").out
        said = cli(server, "create", target_id, "--format", "srt", "--output", str(file))
        assert said.code == 0, said.err
        with ZipFile(file) as archive:
            assert "Hello harbour." in archive.read(archive.namelist()[0]).decode()
        refused = cli(server, "create", target_id, "--engine", NOOP)
        assert refused.code == 1
        assert "has no results for these targets" in refused.err
        assert cli(server, "create", "1", target_id).err.startswith('enginehouse: tdoData[0].tdoId: "1" was not found.')


async def test_a_server_that_is_killed_loses_no_export(tmp_path: Path) -> None:
    path, file = offer(tmp_path / "offered", "speaks"), tmp_path / "results.zip"
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        target_id = await spoken(server)
        requested = [cli(server, "create", target_id, "--no-wait").out.strip() for _ in range(3)]
        server.kill()
        server.start()
        for export_id in requested:
            assert cli(server, "download", export_id, "--output", str(file)).code == 0
            with ZipFile(file) as archive:
                assert archive.testzip() is None
