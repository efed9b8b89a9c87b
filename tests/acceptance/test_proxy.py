"""The configuration of HAProxy in the documentation: TLS, the addresses of clients, signed URLs and live streams."""

import asyncio
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.acceptance.server import CHECKOUT, TOKEN, create, detail, ended, offer, serving, task_of, until
from tests.acceptance.toolchains import missing

PAGE = CHECKOUT / "docs/how-to/put-behind-a-proxy.md"


def certificate(folder: Path) -> Path:
    """Returns a file with a certificate for 127.0.0.1 and its key."""
    if (openssl := shutil.which("openssl")) is None:
        missing("openssl is missing; install it to test TLS behind a proxy")
    parts = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run([str(openssl), "req", "-x509", *parts, *names, *files], check=True, capture_output=True)
    whole = folder / "all.pem"
    whole.write_bytes((folder / "cert").read_bytes() + (folder / "key").read_bytes())
    return whole


@asynccontextmanager
async def proxy(folder: Path, server: str, pem: Path) -> AsyncIterator[str]:
    """Yields the address of HAProxy with the configuration of the page, before this server."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        missing(f"haproxy is missing; install it to test {PAGE.name}")
    [text] = re.findall(r"```haproxy\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    for place, real in (
        ("10.0.0.5:443", own),
        ("/etc/haproxy/all.pem", str(pem)),
        ("127.0.0.1:9000", server.removeprefix("http://")),
    ):
        assert text.count(place) == 1, place
        text = text.replace(place, real)
    file = folder / "haproxy.cfg"
    file.write_text(text)
    process = await asyncio.create_subprocess_exec(str(program), "-db", "-f", str(file))
    try:
        yield f"https://{own}"
    finally:
        process.kill()
        await process.wait()


async def test_a_server_behind_the_proxy_of_the_page(tmp_path: Path) -> None:
    pem = await asyncio.to_thread(certificate, tmp_path)
    path = offer(tmp_path / "offered", "waits")
    with serving(tmp_path / "data", "--trusted-proxy", "127.0.0.1", PYTHONPATH=path) as server:
        # The client has another address than the proxy, on the same machine.
        trusting = ssl.create_default_context(cafile=str(pem))
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9", verify=trusting)
        async with (
            proxy(tmp_path, server.url, pem) as url,
            httpx.AsyncClient(
                base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, transport=transport, timeout=30
            ) as client,
        ):

            async def answers() -> bool:
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(answers, "the proxy has found the server")
            gate = tmp_path / "gate"
            [job] = await create(client, task_of("waits", {"runs": str(tmp_path / "runs"), "gate": str(gate)}))
            heard = list[str]()
            async with client.stream("GET", f"/api/v1/jobs/{job}/events/stream") as stream:
                async for line in stream.aiter_lines():
                    heard.append(line)
                    # The engine waits for the gate, so this line has come while the answer goes on.
                    if line == "event: started" and not gate.exists():
                        gate.touch()
            assert "event: end" in heard
            assert await ended(client, job) == "complete"
            entries = await server.rows("SELECT DISTINCT client_ip FROM audit_entry WHERE client_ip IS NOT NULL")
            assert entries == [("127.0.0.9",)]
            assert (await detail(client, job))["jobStatus"] == "complete"
            urls = await client.post("/v3/graphql", json={"query": "{ getSignedWritableUrl { url getUrl } }"})
            signed = urls.json()["data"]["getSignedWritableUrl"]
            assert signed["url"].startswith(f"{url}/signed/")
            sent = await client.put(signed["url"], content=b"x" * 300_000, headers={"Authorization": ""})
            assert sent.is_success, sent.text
