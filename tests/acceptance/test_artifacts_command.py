"""`enginehouse artifacts copy` and `use`: the bytes move from a folder to a bucket and back, and nothing is lost."""

import json
import os
from pathlib import Path
from subprocess import CompletedProcess

from tests import commands
from tests.acceptance.server import COMMAND, Server, create, detail, ended, logs, offer, output, serving, task_of
from tests.acceptance.test_bucket import SENTIMENT, refused
from tests.object_store import ObjectStore
from tests.store_proxy import Trouble, proxy_to


def command(*arguments: str | Path, **environment: str) -> CompletedProcess[str]:
    return commands.run([str(COMMAND), "artifacts", *map(str, arguments)], environment=os.environ | environment)


def doctor(*arguments: str | Path, **environment: str) -> CompletedProcess[str]:
    return commands.run([str(COMMAND), "doctor", *map(str, arguments)], environment=os.environ | environment)


async def worked(server: Server) -> tuple[str, str]:
    """Returns the ids of a job with an output, and of one whose engine has printed something."""
    async with server.client() as client:
        jobs = await create(client, task_of(SENTIMENT, {"text": "I love this harbour."}), task_of("honest"))
        assert [await ended(client, job) for job in jobs] == ["complete", "complete"]
    return jobs[0], jobs[1]


async def seen(server: Server, job: str, printing: str) -> tuple[str, list[str]]:
    async with server.client() as client:
        [task] = (await detail(client, printing))["tasks"]
        return await output(client, job), await logs(client, task["internalTaskID"])


async def test_the_bytes_move_to_a_bucket_and_back(tmp_path: Path, object_store: ObjectStore) -> None:
    environment, place, data = object_store.environment(), object_store.place(), tmp_path / "data"
    folder = data / "artifacts"
    more = environment | {"PYTHONPATH": offer(tmp_path / "offered", "honest")}
    with serving(data, **more) as server:
        jobs = await worked(server)
        first = await seen(server, *jobs)
        locked = command("use", place, "--data", data, **environment)
        assert locked.returncode == 1, locked.stdout
        assert "already" in locked.stderr or "in use" in locked.stderr
        assert command("copy", folder, place, **environment).returncode == 0
        assert server.stop() == 0

    said = command("copy", folder, place, "--json", **environment)
    report = json.loads(said.stdout)
    assert (said.returncode, report["success"], report["wrong_keys"]) == (0, True, 0)
    assert report["keys"] > 2 > report["copied"]
    used = command("use", place, "--data", data, **environment)
    assert used.returncode == 0, used.stderr
    assert f"--artifacts {place}" in used.stdout
    assert f"start with --artifacts {place}" in refused(data, **environment)
    with serving(data, "--artifacts", place, **more) as server:
        assert await seen(server, *jobs) == first
        both = await worked(server)
        second = await seen(server, *both)
        assert server.stop() == 0
    for environ, code in ((environment, 0), (environment | {"AWS_SECRET_ACCESS_KEY": "x"}, 1)):
        checked = doctor("--data", data, "--artifacts", "--json", **environ)
        assert checked.returncode == code, checked.stdout
        assert (f"{place} holds the bytes of the database" in checked.stdout) == (code == 0)
        assert len(json.loads(checked.stdout)["artifacts"]["wrong"]) == (0 if code == 0 else 4)

    assert "already" in command("use", place, "--data", data, **environment).stdout
    missing = command("use", folder, "--data", data, **environment)
    assert missing.returncode == 1
    assert "keys are missing or differ" in missing.stderr
    assert command("copy", place, folder, **environment).returncode == 0
    assert command("use", folder, "--data", data, **environment).returncode == 0
    assert "start with --artifacts" in refused(data, "--artifacts", place, **environment)
    with serving(data, **more) as server:
        assert await seen(server, *jobs) == first
        assert await seen(server, *both) == second
        assert server.stop() == 0


async def test_a_copy_that_was_stopped_goes_on_and_a_wrong_copy_is_found(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for number in range(30):
        path = source / "kept" / f"jobs/{number % 3}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(2000))
    place = object_store.place()
    with proxy_to(object_store.url) as proxy:
        count = [0]

        def decide(method: str, path: str) -> Trouble:
            count[0] += method == "PUT"
            return Trouble.BUSY if count[0] > 12 else Trouble.NONE

        proxy.decide = decide
        stopped = command("copy", source, place, **object_store.environment(proxy.url))
        assert stopped.returncode == 1
        assert "it answers 503. Run the command again" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        proxy.always(Trouble.NONE)
        again = json.loads(command("copy", source, place, "--json", **object_store.environment(proxy.url)).stdout)
    assert (again["keys"], again["bytes"], again["gone"]) == (30, 60_000, 0)
    assert 18 <= again["copied"] < 30
    assert command("copy", place, target, **object_store.environment()).returncode == 0
    one = target / "kept/jobs/1/4"
    right = one.read_bytes()
    one.write_bytes(bytes(2000))
    back = json.loads(command("copy", source, target, "--json", "--verify").stdout)
    assert (back["copied"], back["copied_bytes"]) == (1, 2000)
    assert one.read_bytes() == right


def test_what_cannot_be_meant_is_refused(tmp_path: Path, object_store: ObjectStore) -> None:
    environment = object_store.environment()
    for arguments, told in (
        (("copy", tmp_path / "nothing", tmp_path / "b"), "There is no store in"),
        (("copy", "s3://bucket/a", "s3://bucket/a/"), "the same place"),
        (("use", tmp_path / "b"), "Name a server's data folder"),
        (("use", tmp_path / "b", "--data", tmp_path / "none"), "There is no database in"),
        (("copy", "s3://there-is-no-such-bucket/a", tmp_path / "b"), "the bucket does not exist"),
    ):
        said = command(*arguments, **environment)
        assert told in said.stderr + said.stdout, said


async def test_a_store_of_another_database_is_not_taken(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with serving(tmp_path / name) as server:
            assert server.stop() == 0
    said = command("use", tmp_path / "other/artifacts", "--data", tmp_path / "one")
    assert said.returncode == 1
    assert "holds the bytes of another database" in said.stderr
    with serving(tmp_path / "one") as server:
        assert server.stop() == 0


async def test_a_server_of_the_database_must_have_stopped(tmp_path: Path, postgres_dsn: str) -> None:
    data, database = ("--data", tmp_path / "one"), ("--database", postgres_dsn)
    with serving(tmp_path / "one", database=postgres_dsn) as server:
        running = command("use", tmp_path / "b", *data, *database)
        assert (running.returncode, "still runs" in running.stderr) == (1, True)
        assert server.stop() == 0
    assert command("copy", tmp_path / "one/artifacts", tmp_path / "b").returncode == 0
    assert command("use", tmp_path / "b", *data, *database).returncode == 0
    with serving(tmp_path / "one", "--artifacts", str(tmp_path / "b"), database=postgres_dsn) as server:
        assert server.stop() == 0
