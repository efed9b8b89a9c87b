"""Identity providers for tests: a published one as a process, and one that forges what it says."""

import json
import os
import shutil
import subprocess
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jwk, jwt

NODE: Final = Path(__file__).parents[1] / "node"
CLIENT, SECRET = "enginehouse", "a secret with : and %"
BACK: Final = "http://enginehouse.test/sign-in/oidc/back"


@contextmanager
def published(back: str = BACK) -> Iterator[str]:
    """Yields the issuer of a provider that runs until the end of the block."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules/oidc-provider").exists():
        sentence = "there is no identity provider: npm ci --prefix tests/node"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    process = subprocess.Popen([node, "provider.mjs", back], cwd=NODE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def be(issuer: str, person: dict[str, Any] | None) -> None:
    """The next sign-in at the published provider is by this person; None: by one who refuses."""
    httpx.post(f"{issuer}/person", content=json.dumps(person)).raise_for_status()


@dataclass(slots=True)
class Forger:
    """A provider that signs what it is told. `changes` are laid over the claims of its token, None leaves one out."""

    issuer: str = ""
    key: Any = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    shown: Any = None  # the key that it shows, if that is not the one with which it signs
    algorithm: str = "RS256"
    changes: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    token: Any = None  # answered instead of a token, with its status
    form: dict[str, list[str]] = field(default_factory=dict)
    nonce: str = ""

    def discover(self) -> dict[str, Any]:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return known | self.discovery

    def keys(self) -> dict[str, Any]:
        return {"keys": [(self.shown or self.key).as_dict(private=False)]}

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": self.nonce,
            "email": "ada@example.org", "email_verified": True,
        }  # fmt: skip
        whole = {name: value for name, value in (claims | self.changes).items() if value is not None}
        if self.algorithm == "none":
            parts = (
                urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, whole)
            )
            return f"{'.'.join(parts)}."
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, whole, self.key, algorithms=[self.algorithm])


@contextmanager
def forging() -> Iterator[Forger]:
    """Yields a provider that answers until the end of the block."""
    forger = Forger()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, forger.keys() if self.path == "/keys" else forger.discover())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            forger.form = parse_qs(body.decode())
            status, said = forger.token or (200, {"id_token": forger.id_token(), "access_token": "x"})
            self._answer(status, said)

        def _answer(self, status: int, said: Any) -> None:
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    forger.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield forger
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
