"""Each peer has an environment of its own, which git ignores and whose packages are pinned with hashes."""

import re
from pathlib import Path

from bench.figures import SCHEDULERS, TASK_QUEUES, WEB
from bench.neighbours import FastAPI, OnFile, OnPostgres, on_file, on_postgres, on_the_web
from tests.postgres import PostgresServer

HERE = Path(__file__).parents[2]
_UNUSED = PostgresServer(HERE, None)  # type: ignore[arg-type]
PEERS: list[OnPostgres | OnFile | FastAPI] = [
    *on_postgres(_UNUSED),
    *on_file(HERE),
    *on_the_web(HERE, _UNUSED, on_sqlite=True),
]


def test_every_column_beside_ours_is_a_peer() -> None:
    assert {peer.name for peer in PEERS} == {*TASK_QUEUES, *SCHEDULERS, *WEB}


def test_the_packages_of_every_peer_are_pinned_with_hashes() -> None:
    ignored = (HERE / ".gitignore").read_text().splitlines()
    for environment in {peer.environment for peer in PEERS}:
        assert f"/{environment.folder.relative_to(HERE)}/" in ignored
        text = re.sub(r"^\s*#.*$", "", environment.requirements.read_text(), flags=re.MULTILINE).strip()
        for requirement in re.split(r"\n(?=[a-z0-9])", text):
            assert re.match(r"[a-z0-9_.\-\[\]]+==\S+ (?:;[^\\]*)?\\\n\s+--hash=sha256:", requirement), requirement[:60]
