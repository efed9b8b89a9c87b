"""`enginehouse doctor --database` on a PostgreSQL that a server uses: it shows what is right and what is wrong."""

import asyncio
import json
from pathlib import Path

import asyncpg
from tests.acceptance.servers import call, serving


async def test_the_doctor_looks_at_postgresql_beside_its_server(postgres_dsn: str, tmp_path: Path) -> None:
    def used() -> str:
        with serving(tmp_path / "data", "--database", postgres_dsn) as server:
            made = server.cli("job", "create", "--engine", "noop", "--watch", "--json")
            told = json.loads(call("doctor", "--database", postgres_dsn, "--json").out)
            verdicts = {check["check"]: check["verdict"] for check in told["checks"]}
            assert {verdicts[name] for name in ("schema", "clock", "statuses", "schedules")} == {"ok"}
            return str(json.loads(made.out)["coreJobID"])

    job = await asyncio.to_thread(used)
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("UPDATE job SET status = 'failed'")
    await connection.close()
    said = await asyncio.to_thread(call, "doctor", "--database", postgres_dsn)
    assert said.code == 1
    assert "statuses" in said.err
    assert job in said.out
