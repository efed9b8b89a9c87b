"""A proxy before the object store of the tests, which disturbs requests as a test says."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Trouble(Enum):
    """What happens to one request."""

    NONE = auto()
    BUSY = auto()  # 503, and the store does not see it
    LOST = auto()  # the store has done it, and its answer is lost
    FORGOTTEN = auto()  # 404, and the store does not see it
    CUT = auto()  # the answer breaks off in the middle


Decide = Callable[[str, str], Trouble]


class StoreProxy:
    """Calls `decide(method, path)` for each request. `seen` counts the requests by method.

    `senders` counts them by method and by the program that sends them.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.decide: Decide = lambda method, path: Trouble.NONE
        self.seen: Counter[str] = Counter()
        self.senders: Counter[tuple[str, str]] = Counter()
        self.url = ""

    def first(self, count: int, trouble: Trouble, method: str, part: str = "") -> None:
        """The next `count` requests with this method, and this in their path, have the trouble. No other one has."""
        left = [count]
        lock = threading.Lock()

        def decide(given: str, path: str) -> Trouble:
            with lock:
                if given != method or part not in path or left[0] == 0:
                    return Trouble.NONE
                left[0] -= 1
                return trouble

        self.decide = decide

    def in_turn(self, method: str, part: str, *troubles: Trouble) -> None:
        """The next requests with this method, and this in their path, have these troubles. No other one has."""
        left = list(troubles)
        self.decide = lambda given, path: left.pop(0) if left and given == method and part in path else Trouble.NONE

    def always(self, trouble: Trouble) -> None:
        self.decide = lambda method, path: trouble


@contextmanager
def proxy_to(target: str) -> Iterator[StoreProxy]:
    """Yields a proxy to the store at this URL, on a port of its own."""
    proxy = StoreProxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            proxy.seen[self.command] += 1
            proxy.senders[self.command, (self.headers.get("User-Agent") or "").partition("/")[0]] += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            trouble = proxy.decide(self.command, self.path)
            if trouble in (Trouble.BUSY, Trouble.FORGOTTEN):
                self.send_response(503 if trouble is Trouble.BUSY else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, headers, data = self.passed_on(body)
            if trouble is Trouble.LOST:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                cut = trouble is Trouble.CUT
                self.wfile.write(data[: len(data) // 2] if cut else data)
                self.close_connection = cut

        def passed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            store = http.client.HTTPConnection(proxy.target.hostname or "", proxy.target.port, timeout=60)
            try:
                store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    store.putheader(name, value)  # with the Host that was signed
                store.endheaders(body)
                answer = store.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            except OSError:
                return 502, [("Content-Length", "0")], b""
            finally:
                store.close()

        def log_message(self, *_: object) -> None:
            """The output of a test has no lines of requests."""

    for method in ("GET", "PUT", "HEAD", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
