"""An engine with the exchange of the published sentiment sample: it ignores `chunk`, reads `cacheURI`, knows two types.

A program of its own, with nothing but the standard library: the port is its first argument.
"""

import json
import sys
import urllib.request
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, "text/html; charset=utf-8", b"OK")

    def do_POST(self) -> None:
        fields = self.fields()
        media_type = fields["chunkMimeType"]
        if media_type not in ("text/plain", "application/json"):
            self.answer(400, "text/html; charset=utf-8", f"Unsupported file type {media_type}".encode())
            return
        try:
            text = urllib.request.urlopen(fields["cacheURI"]).read().decode()
        except OSError as error:
            self.answer(500, "text/html", str(error).encode())
            return
        score = {"positiveValue": 0.9 if "wonderful" in text else 0.1, "negativeValue": 0.0}
        result: dict[str, Any] = {"sentiment": score}
        if json.loads(fields["payload"]).get("analyze") != "document":
            result["object"] = [{"type": "text", "text": text, "sentence": 1, "sentiment": score}]
        self.answer(200, "application/json", json.dumps(result).encode())

    def fields(self) -> dict[str, str]:
        head = b"content-type: " + self.headers["content-type"].encode() + b"\r\n\r\n"
        form = BytesParser().parsebytes(head + self.rfile.read(int(self.headers["content-length"])))
        parts = [part for part in form.walk() if isinstance(part, Message) and not part.is_multipart()]
        return {
            str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True)).decode()
            for part in parts
        }

    def answer(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Prints nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
