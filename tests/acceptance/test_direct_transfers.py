"""A worker on another machine and a bucket exchange bytes without the server, if a setting says so."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.remote import SERVES_ONLY, attempts, token_for_workers, working
from tests.acceptance.server import create, ended, offer, output, serving
from tests.object_store import ObjectStore
from tests.store_proxy import StoreProxy, Trouble, proxy_to
from tests.thorough import THOROUGH

from enginehouse.worker.direct_transfers import SMALLEST

BYTES = 2 * SMALLEST
WORKER = "enginehouse-worker"
JOB: dict[str, Any] = {
    "tasks": [
        {
            "engineId": "swells",
            "correlationTaskId": "a",
            "taskPayloadJSON": json.dumps({"bytes": BYTES}),
            "ioFolders": [{"correlationID": "out", "mode": "stream", "type": "output"}],
        },
        {
            "engineId": "weighs",
            "correlationTaskId": "b",
            "ioFolders": [{"correlationID": "in", "mode": "stream", "type": "input"}],
        },
    ],
    "taskRoutes": [
        {"taskParentId": "a", "taskParentOutputId": "out", "taskChildId": "b", "taskChildInputId": "in"},
    ],
}


@pytest.mark.parametrize(
    ("redirect", "trouble"),
    [(True, Trouble.LOST), (False, Trouble.NONE), *([(True, Trouble.BUSY), (True, Trouble.CUT)] if THOROUGH else [])],
    ids=lambda value: value.name.lower() if isinstance(value, Trouble) else str(value),
)
async def test_large_outputs_and_inputs_go_straight_to_the_bucket_only_if_a_setting_says_so(
    tmp_path: Path, object_store: ObjectStore, trouble: Trouble, *, redirect: bool
) -> None:
    path = offer(tmp_path / "offered", "swells", "weighs")
    with proxy_to(object_store.url) as proxy:
        options = (*SERVES_ONLY, "--artifacts", object_store.place(), *(["--artifacts-redirect"] if redirect else []))
        with serving(tmp_path / "data", *options, PYTHONPATH=path, **object_store.environment(proxy.url)) as server:
            async with server.client() as client:
                token = await token_for_workers(client)
                with working(server.url, token, tmp_path / "worker", PYTHONPATH=path) as worker:
                    [job] = await create(client, JOB)
                    assert await ended(client, job) == "complete"
                    assert await output(client, job) == str(BYTES)
                    _check(proxy, redirect=redirect)
                    if redirect:
                        proxy.decide = lambda method, path: (
                            trouble if method == "PUT" and _is_direct(path) else Trouble.NONE
                        )
                        [again] = await create(client, JOB)
                        assert await ended(client, again) == "complete", "the bytes went through the server"
                        assert await output(client, again) == str(BYTES)
                    assert worker.stop() == 0
            assert {outcome for outcome, _, _ in await attempts(server)} == {"complete"}
            assert server.stop() == 0
            for log in (server.log, worker.log):
                assert "X-Amz-Signature" not in log.read_text()


def _is_direct(path: str) -> bool:
    return "X-Amz-Signature" in path


def _check(proxy: StoreProxy, *, redirect: bool) -> None:
    direct = {method: count for (method, sender), count in proxy.senders.items() if sender == WORKER}
    assert direct == ({"PUT": 1, "GET": 1} if redirect else {})
