"""`enginehouse doctor --artifacts` finds every stored file that differs, on both databases, while a server runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.acceptance.servers import call, serving

TASK = {"engineId": "keywords-statistical", "taskPayloadJSON": '{"text": "What a splendid day."}'}


def doctor(*arguments: str) -> tuple[int, Any, str]:
    said = call("doctor", "--artifacts", "--json", *arguments)
    return said.code, json.loads(said.out), said.err


def check(data: Path, *database: str) -> None:
    with serving(data, *database) as server:
        with server.client() as client:
            created = client.post("/edge/v1/proc/job/create", json={"jobs": [{"tasks": [TASK]}] * 4})
        for job_id in created.json()["internalJobIds"]:
            assert server.cli("job", "watch", job_id).code == 0
        files = sorted(path for path in (data / "artifacts/kept/jobs").rglob("*.json") if path.is_file())
        assert len(files) == 4
        code, found, progress = doctor("--data", str(data), *database)
        assert (code, found["ok"]) == (0, True)
        assert (found["artifacts"]["files"], found["artifacts"]["wrong"]) == (4, [])
        assert "4 of 4 files, 0 wrong" in progress
        size = files[1].stat().st_size
        files[0].unlink()
        files[1].write_bytes(b"x" * size)
        files[2].write_bytes(b"")
        code, found, progress = doctor("--data", str(data), *database)
        assert (code, found["ok"], found["artifacts"]["files"]) == (1, False, 1)
        reasons = {one["key"]: one["reason"] for one in found["artifacts"]["wrong"]}
        kept = data / "artifacts/kept"
        assert [reasons[str(file.relative_to(kept))] for file in files[:3]] == ["missing", "sha256", "size"]
        assert "4 of 4 files, 3 wrong" in progress
        assert [one["verdict"] for one in found["checks"] if one["check"] == "artifacts"] == ["ok", *["wrong"] * 3]
    assert call("doctor", "--artifacts").code == 2


def test_every_wrong_file_is_named(tmp_path: Path) -> None:
    check(tmp_path / "data")


async def test_every_wrong_file_is_named_on_postgresql(postgres_dsn: str, tmp_path: Path) -> None:
    await asyncio.to_thread(check, tmp_path / "data", "--database", postgres_dsn)
