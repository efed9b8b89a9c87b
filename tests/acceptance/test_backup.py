"""`enginehouse backup` beside a working server, and `restore`: everything of one moment is there, or nothing is."""

import asyncio
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest
from tests import commands
from tests.acceptance.server import (
    COMMAND,
    Server,
    create,
    detail,
    ended,
    lines,
    logs,
    offer,
    output,
    serving,
    task_of,
    until,
)
from tests.acceptance.test_bucket import SENTIMENT, refused
from tests.object_store import ObjectStore
from tests.store_proxy import Trouble, proxy_to
from tests.thorough import THOROUGH

TEXTS = 24 if THOROUGH else 8


@dataclass
class Kind:
    """A server to be backed up, and where another one is made from its backup."""

    server: Server
    environment: dict[str, str]
    source: list[str]
    target: list[str]  # of restore and doctor, besides the place of the bytes
    place: str | None

    def call(self, *arguments: str | Path) -> CompletedProcess[str]:
        return commands.run([str(COMMAND), *map(str, arguments)], environment=os.environ | self.environment)


# Tests below have a bucket, and a backup from PostgreSQL that is restored into another database.
@pytest.fixture(params=["sqlite", *(["postgres", "postgres-bucket"] if THOROUGH else [])])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    environment, options, place = dict[str, str](), ["--lease-seconds", "2"], None
    source, target = ["--data", str(tmp_path / "data")], ["--data", str(tmp_path / "restored")]
    dsn = None
    if request.param.endswith("bucket"):
        store: ObjectStore = request.getfixturevalue("object_store")
        environment, place = store.environment(), store.place()
        options += ["--artifacts", store.place()]
    if request.param != "sqlite":
        dsn = request.getfixturevalue("postgres_dsn")
        source += ["--database", dsn]
        target += ["--database", request.getfixturevalue("empty_postgres_dsn")]
    path = offer(tmp_path / "offered", "waits", "honest")
    with serving(tmp_path / "data", *options, database=dsn, PYTHONPATH=path, **environment) as server:
        yield Kind(server, environment | {"PYTHONPATH": path}, source, target, place)


async def test_a_server_is_backed_up_while_it_works_and_made_again(kind: Kind, tmp_path: Path) -> None:
    server, file = kind.server, tmp_path / "backup.tar.gz"
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    async with server.client() as client:
        texts = [f"I love harbour {number}." for number in range(TEXTS)]
        done = await create(client, *(task_of(SENTIMENT, {"text": text}) for text in texts))
        [printing] = await create(client, task_of("honest"))
        [running] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}, maxRetries=0))
        for job in (*done, printing):
            assert await ended(client, job) == "complete"
        await until(lambda: len(lines(runs)) == 1, "the engine is running")
        results = {job: await output(client, job) for job in (*done, printing)}
        [task] = (await detail(client, printing))["tasks"]
        printed = await logs(client, task["internalTaskID"])
        # In a bucket a log is there some seconds after its attempt; until then it is on the server's disk.
        local = server.data / "artifacts-local"
        await until(lambda: len([*local.rglob("*.log")]) <= 1, "only the log of the running engine is not stored")
        load = asyncio.create_task(_load(client))
        said = await asyncio.to_thread(kind.call, "backup", file, *kind.source, "--with-secret-key", "--json")
        load.cancel()
        await asyncio.wait([load])
    assert said.returncode == 0, said.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    report = json.loads(said.stdout)
    assert report["jobs"] >= TEXTS + 2
    assert report["missing"] == report["damaged"] == []
    assert server.stop() == 0

    where = [] if kind.place is None else [kind.place]
    made = kind.call("restore", file, *kind.target, *(("--artifacts", *where) if where else ()), "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["jobs"] == report["jobs"]
    verdict = kind.call("doctor", *kind.target, *(("--store", *where) if where else ()), "--artifacts", "--json")
    checks = json.loads(verdict.stdout)["checks"]
    assert [one for one in checks if one["verdict"] == "wrong"] == []
    assert verdict.returncode == 0

    gate.touch()
    options = ["--lease-seconds", "2", *(("--artifacts", *where) if where else ())]
    dsn = kind.target[3] if len(kind.target) > 2 else None
    with serving(tmp_path / "restored", *options, database=dsn, **kind.environment) as again:
        async with again.client() as client:
            assert {job: await output(client, job) for job in results} == results
            assert await logs(client, task["internalTaskID"]) == printed
            assert await ended(client, running) == "complete"
            assert await output(client, running) == "waited"
            [other] = await create(client, task_of(SENTIMENT, {"text": "And on it goes."}))
            assert await ended(client, other) == "complete"
        assert await again.rows("SELECT COUNT(*) FROM job") == [(report["jobs"] + 1,)]
        assert again.stop() == 0
    occupied = kind.call("restore", file, *kind.target)
    assert (occupied.returncode, "is not empty" in occupied.stderr) == (1, True)


async def _load(client: object) -> None:
    """Jobs are created and run, until this is cancelled."""
    while True:
        await create(client, *[task_of(SENTIMENT, {"text": "More work."})] * 5)  # type: ignore[arg-type]


async def test_a_backup_says_what_is_missing_or_damaged_and_has_the_rest(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "backup.tar"
    call = Kind(Server(data), {}, [], [], None).call
    with serving(data) as server:
        async with server.client() as client:
            jobs = await create(client, *(task_of(SENTIMENT, {"text": text}) for text in ("one", "two", "three")))
            assert [await ended(client, job) for job in jobs] == ["complete"] * 3
            expected = await output(client, jobs[2])
        gone, changed = sorted((data / "artifacts/kept/jobs").rglob("*.json"))[:2]
        gone.unlink()
        changed.write_bytes(b"?" + changed.read_bytes()[1:])
        said = call("backup", file, "--data", data, "--with-secret-key", "--json")
        assert call("backup", file, "--data", data).stderr == f"enginehouse: {file} exists. Name another file.\n"
        assert server.stop() == 0
    assert said.returncode == 1
    report = json.loads(said.stdout)
    assert [name.rpartition("/")[2] for name in report["missing"] + report["damaged"]] == [gone.name, changed.name]
    assert call("restore", file, "--data", tmp_path / "new").returncode == 0
    with serving(tmp_path / "new") as again:
        async with again.client() as client:
            assert await output(client, jobs[2]) == expected
        assert again.stop() == 0


async def test_without_the_secret_key_no_server_starts_until_it_is_there(tmp_path: Path) -> None:
    data, new = tmp_path / "data", tmp_path / "new"
    call = Kind(Server(data), {}, [], [], None).call
    with serving(data) as server:
        with (tmp_path / "backup.tar").open("wb") as out:
            command = [str(COMMAND), "backup", "-", "--data", str(data)]
            assert commands.start(command, environment=os.environ, stdout=out).wait(60) == 0
        assert server.stop() == 0
    made = call("restore", tmp_path / "backup.tar", "--data", new)
    assert made.returncode == 0, made.stderr
    assert "put the file secret-key into" in made.stdout
    assert "There is no secret key in" in refused(new)
    assert call("doctor", "--data", new).returncode == 1
    (new / "secret-key").write_bytes((data / "secret-key").read_bytes())
    (new / "secret-key").chmod(0o600)
    assert call("doctor", "--data", new).returncode == 0
    with serving(new) as again:
        assert again.stop() == 0


async def test_killed_in_the_middle_there_is_no_backup_and_no_server(tmp_path: Path, object_store: ObjectStore) -> None:
    data, file, new = tmp_path / "data", tmp_path / "backup.tar", tmp_path / "new"
    place, other = object_store.place(), object_store.place()
    environment = object_store.environment()
    with serving(data, "--artifacts", place, **environment) as server:
        async with server.client() as client:
            jobs = await create(
                client, *(task_of(SENTIMENT, {"text": f"A wonderful text {number}."}) for number in range(8))
            )
            assert [await ended(client, job) for job in jobs] == ["complete"] * 8
        backup = ("backup", file, "--data", data, "--with-secret-key")
        await _killed(object_store, "GET", "/jobs/", *backup)
        assert not file.exists()
        kept = Kind(server, environment, [], [], None)
        assert kept.call(*backup).returncode == 0
        assert server.stop() == 0
    restore = ("restore", file, "--data", new, "--artifacts", other)
    await _killed(object_store, "PUT", "/jobs/", *restore)
    assert f"A restore into {new} has not ended" in refused(new, "--artifacts", other, **environment)
    assert "is not empty" in kept.call(*restore).stderr
    third = object_store.place()
    again = kept.call("restore", file, "--data", tmp_path / "third", "--artifacts", third)
    assert again.returncode == 0, again.stderr
    with serving(tmp_path / "third", "--artifacts", third, **environment) as server:
        async with server.client() as client:
            assert "positiveValue" in await output(client, jobs[0])
        assert server.stop() == 0


async def _killed(store: ObjectStore, method: str, part: str, *arguments: str | Path) -> None:
    """The command was killed at its third request of this kind."""
    with proxy_to(store.url) as proxy:
        count, reached, loop = [0], asyncio.Event(), asyncio.get_running_loop()

        def decide(given: str, path: str) -> Trouble:
            count[0] += given == method and part in path
            if count[0] < 3:
                return Trouble.NONE
            loop.call_soon_threadsafe(reached.set)
            return Trouble.BUSY

        proxy.decide = decide
        command = commands.start(
            [str(COMMAND), *map(str, arguments)], environment=os.environ | store.environment(proxy.url)
        )
        async with asyncio.timeout(60):
            await reached.wait()
        command.kill()
        command.wait(60)


async def test_what_cannot_be_restored_changes_nothing(tmp_path: Path, empty_postgres_dsn: str) -> None:
    data, file, new = tmp_path / "data", tmp_path / "backup.tar", tmp_path / "new"
    call = Kind(Server(data), {}, [], [], None).call
    with serving(data) as server:
        assert call("backup", file, "--data", data, "--with-secret-key").returncode == 0
        assert server.stop() == 0
    whole = file.read_bytes()
    at = whole.index(b"SQLite format 3") + 5000
    newer, head = tmp_path / "newer.tar", b'"schema":1,'
    cases = {
        "cut": (whole[:-2000], "The backup is incomplete"),
        "changed": (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], "The backup has changed"),
        "newer": (whole.replace(head, b'"schema":9,'), "restore it with the newer program"),
        "other": (b"hello", "incomplete"),
    }
    for name, (content, said) in cases.items():
        newer.write_bytes(content)
        refusal = call("restore", newer, "--data", new)
        assert (refusal.returncode, said in refusal.stderr, new.exists()) == (1, True, False), (name, refusal.stderr)
    embedded = call("restore", file, "--data", new, "--database", empty_postgres_dsn)
    assert "of an embedded database" in embedded.stderr
    new.mkdir()
    (new / "mine").touch()
    assert "it has mine" in call("restore", file, "--data", new).stderr
    assert [path.name for path in new.iterdir()] == ["mine"]


async def test_a_restore_into_postgresql_is_one_transaction(
    tmp_path: Path, postgres_dsn: str, empty_postgres_dsn: str
) -> None:
    data, file, new = tmp_path / "data", tmp_path / "backup.tar", tmp_path / "new"
    call = Kind(Server(data), {}, [], [], None).call
    with serving(data, database=postgres_dsn) as server:
        async with server.client() as client:
            [job] = await create(client, task_of(SENTIMENT, {"text": "one"}))
            assert await ended(client, job) == "complete"
        assert call("backup", file, "--database", postgres_dsn).returncode == 0
        assert server.stop() == 0
    (tmp_path / "full/kept").mkdir(parents=True)
    (tmp_path / "full/kept/mine").touch()
    target = ("--data", new, "--database", empty_postgres_dsn)
    for more, said in (
        (("--artifacts", tmp_path / "full"), "is not empty: it has mine"),
        (("--artifacts", "/proc/nothing"), "It was stopped"),
    ):
        refusal = call("restore", file, *target, *more)
        assert (refusal.returncode, said in refusal.stderr) == (1, True), refusal.stderr
        connection = await asyncpg.connect(empty_postgres_dsn)
        assert await connection.fetchval("SELECT COUNT(*) FROM pg_class WHERE relname = 'job'") == 0
        await connection.close()
        assert list(new.iterdir()) == []
    assert call("restore", file, *target).returncode == 0
    assert "is not empty: it has" in call("restore", file, "--data", tmp_path / "x", *target[2:]).stderr
