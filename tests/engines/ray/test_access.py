"""A worker uses only a cluster that answers nobody without its token, unless its operator says otherwise."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.acceptance.server import until
from tests.ray_cluster import RayCluster, started
from tests.thorough import slowly

from enginehouse.engines.ray import access, connection
from enginehouse.engines.ray.access import MODE, ClusterRefused

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def open_cluster() -> Iterator[RayCluster]:
    with started({"num_cpus": 0}, token=False) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token and no setting of Ray, and none is left."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(MODE, "disabled")


async def refusal(cluster: RayCluster, *, allow_open: bool = False) -> str:
    with pytest.raises(ClusterRefused) as refused:
        await access.check(cluster.address, allow_open=allow_open)
    return str(refused.value)


async def test_only_who_has_the_token_may(ray_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs a token" in await refusal(ray_cluster, allow_open=True)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(ray_cluster.token_file))
    assert await access.check(ray_cluster.address, allow_open=False)
    assert os.environ[MODE] == "token"


@slowly
async def test_a_cluster_that_answers_everybody_is_refused(
    open_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x" * 64)  # it answers to any
    said = await refusal(open_cluster)
    assert "answers without a token" in said
    assert "RAY_AUTH_MODE=token" in said
    assert await access.check(open_cluster.address, allow_open=True)
    assert os.environ[MODE] == "disabled"


async def test_one_that_does_not_answer_may_answer_later() -> None:
    assert not await access.check("127.0.0.1:9", allow_open=False)


async def test_the_node_of_this_machine_may_join_a_while_after_the_head(
    open_cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_PAUSE", 0.1)
    open_cluster.kill(0)
    with pytest.raises(ClusterRefused, match="does not have this machine as a node"):
        await connection.wait_for(open_cluster.address, allow_open=True, join_seconds=0)
    with capture_logs() as said:
        waiting = asyncio.create_task(connection.wait_for(open_cluster.address, allow_open=True, join_seconds=300))
        await until(lambda: bool(said) or waiting.done(), "it waits for the node")
        await asyncio.to_thread(open_cluster.add, num_cpus=0)
        await waiting
    assert [line["event"] for line in said] == ["the Ray cluster has no node on this machine"]


def test_nothing_imports_ray_before_that() -> None:
    modules = "enginehouse.app, enginehouse.worker_app, enginehouse.cli.main, enginehouse.cli.worker_process"
    program = f"import sys, {modules}; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
