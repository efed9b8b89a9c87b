"""An engine that fails its first `BREAKS_AFTER` calls, and is not ready any more after them until the file `go` exists.

A program of its own: the port and the folder are its arguments. Each request is a line of the file `log`: `ready`, or
`process` and the port of the server that called.
"""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BREAKS_AFTER = 15
FOLDER = Path(sys.argv[2] if len(sys.argv) > 2 else ".")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        broken = len(calls()) >= BREAKS_AFTER and not (FOLDER / "go").exists()
        note("ready")
        self.answer(503 if broken else 200)

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        [port] = re.findall(r"http://127\.0\.0\.1:([0-9]+)/heartbeat/", form)
        note(f"process {port}")
        self.answer(204 if (FOLDER / "go").exists() else 500)

    def answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *given: object) -> None:
        pass


def note(line: str) -> None:
    with (FOLDER / "log").open("a") as log:
        log.write(f"{line}\n")


def calls() -> list[str]:
    log = FOLDER / "log"
    return [line for line in log.read_text().splitlines() if line.startswith("process")] if log.exists() else []


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
