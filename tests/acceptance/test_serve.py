"""A server starts, prints its address, shows its secrets only to its owner, and stops on request."""

import json
import signal
import socket
import stat
import time
from pathlib import Path

import httpx
import pytest
from tests.acceptance.servers import DEADLINE, TOKEN, Server, call, serving
from tests.engines.waves import samples, wave


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_answers_when_it_says_it_is_ready(server: Server) -> None:
    answer = httpx.get(f"{server.url}/edge/v1/ping")
    assert answer.status_code == 200
    assert answer.json() == {"success": True}
    assert "server" not in answer.headers


def test_it_bounds_what_a_connection_may_send(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    for head, status in (
        (b"GET /edge/v1/ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET /edge/v1/ping HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"x" * 20_000), b"431"),
        (
            b"GET /edge/v1/proc/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
            b"400",
        ),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
            connection.sendall(head)
            assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


def test_a_client_reads_why_its_body_is_refused(server: Server) -> None:
    body = b" " * 60_000_000
    for path in ("/edge/v1/proc/job/create", "/v3/graphql", "/api/v1/schedules"):
        answer = server.client().post(f"{server.url}{path}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


def test_the_banner_tells_where_everything_is_and_no_secret(server: Server) -> None:
    banner = "\n".join(server.heard)
    password = (server.data / "admin-password").read_text().strip()
    for told in (server.url, str(server.data / "enginehouse.db"), str(server.data / "token"), "native", "python"):
        assert told in banner
    assert server.token not in banner
    assert password not in banner


def test_only_the_owner_can_read_the_secrets(server: Server) -> None:
    assert [_mode(server.data / name) for name in ("token", "admin-password")] == [0o600] * 2
    assert [_mode(file) for file in (server.data / "servers").iterdir()] == [0o600]


def test_the_first_password_signs_in(server: Server) -> None:
    password = (server.data / "admin-password").read_text().strip()
    body = {"username": "admin", "password": password}
    assert httpx.post(f"{server.url}/edge/v1/admin/users/login", json=body).status_code == 200


def test_a_file_in_the_data_folder_names_the_running_server(server: Server) -> None:
    [file] = (server.data / "servers").iterdir()
    told = json.loads(file.read_text())
    assert (told["url"], told["pid"]) == (server.url, server.process.pid)


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    second = call("serve", "--data", str(server.data), "--port", "0")
    assert second.code == 1
    [line] = second.err.splitlines()
    assert f"process {server.process.pid}" in line
    assert list((server.data / "servers").iterdir()), "the refused one took the running one's file away"


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = call("serve", "--data", str(tmp_path / "data"), "--port", port)
    assert refused.code == 1
    [line] = refused.err.splitlines()
    assert port in line
    assert "--port" in line
    assert not (tmp_path / "data" / "enginehouse.db").exists()


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = call("serve", "--data", str(tmp_path / "file" / "data"), "--port", "0")
    assert refused.code == 1
    [line] = refused.err.splitlines()
    assert "--data" in line


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--port", "70000"), "--port"),
        (("--log-format", "xml"), "--log-format"),
        (("--database", "mysql://x"), "--database"),
    ],
)
def test_a_flag_that_cannot_be_used_is_named(tmp_path: Path, flags: tuple[str, ...], named: str) -> None:
    refused = call("serve", "--data", str(tmp_path), *flags)
    assert refused.code == 2
    assert named in refused.err.splitlines()[-1]


def test_an_init_token_is_the_first_token_and_is_written_nowhere(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environment={"AIWARE_INIT_TOKEN": TOKEN}) as server:
        assert not (server.data / "token").exists()
        with server.client(TOKEN) as client:
            assert client.get("/edge/v1/proc/jobs").status_code == 200
        assert TOKEN not in "\n".join(server.heard)


def test_a_stop_waits_for_what_runs_and_leaves_nothing_announced(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        with server.client() as client:
            body = {"jobs": [{"tasks": [{"engineId": "sentiment-vader", "payloadJSON": '{"text":"I love it."}'}]}]}
            [job_id] = client.post("/edge/v1/proc/job/create", json=body).json()["internalJobIds"]
            deadline = time.monotonic() + DEADLINE
            while client.get(f"/edge/v1/proc/job/{job_id}/status").json()["job"]["jobStatus"] in ("pending", "queued"):
                assert time.monotonic() < deadline
        assert server.stop() == 0
        assert not list((server.data / "servers").iterdir())
    assert server.heard[-1] == "enginehouse stopped"
    with serving(tmp_path / "data") as again, again.client() as client:
        assert client.get(f"/edge/v1/proc/job/{job_id}/status").json()["job"]["jobStatus"] == "complete"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "data") as server:
        assert server.stop(number) == 0


def test_no_port_is_listened_on_after_the_stop(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        server.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/edge/v1/ping")


def test_a_second_signal_gives_back_what_runs_and_the_next_start_takes_it_up(tmp_path: Path) -> None:
    wave(tmp_path / "long.wav", samples([20.0, 1.0] * 6, 16000), 16000)
    with serving(tmp_path / "data", "--drain-seconds", "600") as server:
        made = server.cli(
            "job", "create", "--engine", "transcription-pocketsphinx", "--file", str(tmp_path / "long.wav")
        )
        job_id = made.out.strip()
        with server.client() as client:
            deadline = time.monotonic() + DEADLINE
            while client.get(f"/edge/v1/proc/job/{job_id}/status").json()["job"]["jobStatus"] != "running":
                assert time.monotonic() < deadline
        server.process.send_signal(signal.SIGTERM)
        server.heard_until("enginehouse stopping")
        assert server.stop() == 0
    with serving(tmp_path / "data", "--drain-seconds", "0") as again:
        deadline = time.monotonic() + DEADLINE
        while len(json.loads(again.cli("job", "logs", job_id, "--json").out)) < 2:
            assert time.monotonic() < deadline, "no second attempt has begun"
