"""The guarded client against hostile servers: it sends nothing to a private address, and everything has a limit."""

import asyncio
import gzip
import random
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.servers import http, listening

from enginehouse.domain.retry import FailureKind
from enginehouse.outgoing.fetch import GuardedClient, OutgoingFailed, OutgoingRefused, Timeouts


@asynccontextmanager
async def opened(client: GuardedClient) -> AsyncIterator[GuardedClient]:
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
async def open_client() -> AsyncIterator[GuardedClient]:
    async with opened(GuardedClient(allow_private=True, timeouts=Timeouts(connect=5, head=5, read=5, total=10))) as it:
        yield it


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with opened(GuardedClient()) as it:
        yield it


async def fetched(client: GuardedClient, url: str, max_bytes: int | None = None) -> bytes:
    async with client.fetch(url, max_bytes=max_bytes) as response:
        return b"".join([block async for block in response.body])


async def failure(client: GuardedClient, url: str, max_bytes: int | None = None) -> OutgoingFailed:
    with pytest.raises(OutgoingFailed) as caught:
        await fetched(client, url, max_bytes)
    assert caught.value.message.startswith("url: ")
    return caught.value


async def test_an_answer_is_read_with_its_type_name_and_size(open_client: GuardedClient) -> None:
    async with (
        listening(http(b"# Title", Content_Type="Text/Markdown; charset=utf-8")) as server,
        open_client.fetch(server.url("/docs/read%20me.md?sig=1")) as response,
    ):
        assert (response.media_type, response.name, response.size) == ("text/markdown; charset=utf-8", "read me.md", 7)
        assert [block async for block in response.body] == [b"# Title"]
    assert f"Host: 127.0.0.1:{server.port}\r\n" in server.heads[0]
    assert server.heads[0].startswith("GET /docs/read%20me.md?sig=1 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="report.txt"', "report.txt"),
        ("attachment; filename*=UTF-8''p%C5%99epis.wav", "přepis.wav"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="..\\\\..\\\\boot.ini"', "boot.ini"),
        ("attachment", "file"),
        ('attachment; filename=".."', "file"),
    ],
)
async def test_a_name_is_a_plain_file_name(open_client: GuardedClient, disposition: str, name: str) -> None:
    async with (
        listening(http(b"x", Content_Disposition=disposition)) as server,
        open_client.fetch(server.url("/file")) as response,
    ):
        assert response.name == name
        assert response.media_type == "application/octet-stream"


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "localhost.", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0", "0"),
        *("１２７.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "①②⑦.0.0.1", "LOCALHOST", "127。0。0。1"),
    ],
)
async def test_loopback_is_refused_in_every_spelling_and_sees_no_connection(client: GuardedClient, host: str) -> None:
    async with listening(http(b"secret")) as server:
        refused = await failure(client, server.url(host=host))
        assert isinstance(refused, OutgoingRefused) or "has no address" in refused.message
    assert server.connections == 0


async def test_the_refusal_names_the_address_and_the_switch(client: GuardedClient) -> None:
    for url in ("http://169.254.169.254/latest/meta-data", "https://169.254.169.254/"):
        refused = await failure(client, url)
        assert isinstance(refused, OutgoingRefused)
        assert refused.kind is FailureKind.URL_NOT_ALLOWED
        assert refused.message == (
            "url: address 169.254.169.254 is not allowed. "
            "Start the server with --allow-private-urls to reach private addresses."
        )


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "data:text/plain,x", "dict://e.com:1/"),
        *("jar:http://e.com!/", "http+unix://%2Fvar%2Frun/", "//example.com/", "example.com", "", "\\\\host\\share"),
        *("http://user@8.8.8.8/", "http://user:secret@8.8.8.8/", "http://8.8.8.8@127.0.0.1/", "http:///path"),
        *("http://8.8.8.8\\@127.0.0.1/", "http://8.8.8.8/\n/", "http://8.8.8.8\t/", "http://[::1", "http://a b/"),
        *("http://8.8.8.8:99999/", "http://8.8.8.8:x/", "http://8.8.8.8:0/", "http://8.8.8.8/" + "a" * 9000),
        *(
            "http://fe80::1/",
            "http://\0/",
            "http://127.0.0.1%00.example/",
            "http://127%2e0%2e0%2e1/",
            "http:// 8.8.8.8/",
        ),
    ],
)
async def test_what_is_not_a_plain_web_address_is_refused(client: GuardedClient, url: str) -> None:
    assert isinstance(await failure(client, url), OutgoingRefused)


@pytest.mark.parametrize("port", [22, 25, 53, 110, 143, 465, 587, 993, 995, 3306, 5432, 6379, 11211, 27017])
async def test_ports_of_other_protocols_are_refused(open_client: GuardedClient, port: int) -> None:
    refused = await failure(open_client, f"http://127.0.0.1:{port}/")
    assert refused.message == f"url: port {port} is not allowed."


async def test_only_the_listed_ports_are_open_when_there_is_a_list() -> None:
    async with (
        listening(http(b"x")) as server,
        opened(GuardedClient(allow_private=True, allowed_ports=frozenset({443}))) as client,
    ):
        assert isinstance(await failure(client, server.url()), OutgoingRefused)
    assert server.connections == 0


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "10.0.0.1"]

    async with opened(GuardedClient(resolve=mixed)) as client:
        assert "10.0.0.1" in (await failure(client, "http://mixed.example/")).message


async def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves differently after the check has no effect, because it is resolved once."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    def forbidden(*arguments: object, **options: object) -> None:
        raise AssertionError("a second resolution")

    async with (
        listening(http(b"first"), host="127.0.0.2") as first,
        opened(GuardedClient(allow_private=True, resolve=rebinding)) as client,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", forbidden)
            assert await fetched(client, first.url("/x", host="rebind.example")) == b"first"
    assert asked == ["rebind.example"]
    assert f"Host: rebind.example:{first.port}\r\n" in first.heads[0]


async def test_a_name_that_turns_private_later_is_refused_later() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    async with (
        listening(http(b"secret")) as server,
        opened(GuardedClient(resolve=rebinding, timeouts=Timeouts(connect=0.2, head=0.2))) as client,
    ):
        await failure(client, server.url(host="rebind.example"))
        refused = await failure(client, server.url(host="rebind.example"))
        assert "address 127.0.0.1 is not allowed" in refused.message
    assert server.connections == 0


async def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    async with listening(http(b"here")) as server, opened(GuardedClient(allow_private=True, resolve=two)) as client:
        assert await fetched(client, server.url(host="two.example")) == b"here"


async def test_a_redirect_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server plays a public one: only its address is allowed."""
    monkeypatch.setattr("enginehouse.outgoing.fetch.is_public", lambda address: address == "127.0.0.2")
    async with (
        listening(http(b"secret")) as private,
        listening(http(status="302 Found", Location=private.url("/meta")), host="127.0.0.2") as public_server,
        opened(GuardedClient()) as client,
    ):
        refused = await failure(client, public_server.url(host="127.0.0.2"))
        assert "address 127.0.0.1 is not allowed" in refused.message
    assert (public_server.connections, private.connections) == (1, 0)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://127.0.0.1:6379/", "http://["],
)
async def test_a_redirect_is_judged_like_the_address_itself(open_client: GuardedClient, location: str) -> None:
    async with listening(http(status="302 Found", Location=location)) as server:
        assert isinstance(await failure(open_client, server.url()), OutgoingRefused)


async def test_ten_redirects_are_followed_and_an_eleventh_is_not(open_client: GuardedClient) -> None:
    async def chained(writer: asyncio.StreamWriter) -> None:
        number = int(server.heads[-1].split(" ")[1].removeprefix("/"))
        if number == 0:
            writer.write(http(b"end", Content_Type="text/plain"))
        else:
            writer.write(http(status="302 Found", Location=f" /{number - 1} "))
        await writer.drain()

    async with listening(chained) as server:
        assert await fetched(open_client, server.url("/10")) == b"end"
        failed = await failure(open_client, server.url("/11"))
    assert "more than 10 times" in failed.message
    assert failed.is_final


@pytest.mark.parametrize("blanks", [" {}", "{}\n", "\t{}\r\n", "\u00a0{} ", "\ufeff{}\u200b"])
async def test_blanks_around_an_address_are_ignored(open_client: GuardedClient, blanks: str) -> None:
    async with listening(http(b"here")) as server:
        assert await fetched(open_client, blanks.format(server.url("/x"))) == b"here"


@pytest.mark.parametrize("encoding", ["none", "identity", "NONE", "", "identity, identity", "utf-8", "aws-chunked"])
async def test_an_encoding_that_is_none_is_none(open_client: GuardedClient, encoding: str) -> None:
    async with (
        listening(http(b"plain", Content_Encoding=encoding)) as server,
        open_client.fetch(server.url()) as response,
    ):
        assert response.size == 5
        assert [block async for block in response.body] == [b"plain"]
    packed = gzip.compress(b"packed")
    async with listening(http(packed, Content_Encoding=f"{encoding}, gzip")) as server:
        assert await fetched(open_client, server.url()) == b"packed"


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content"])
async def test_an_answer_without_content_is_told(open_client: GuardedClient, status: str) -> None:
    async with listening(f"HTTP/1.1 {status}\r\n\r\n".encode()) as server:
        failed = await failure(open_client, server.url())
    assert failed.message == f"url: the server answered {status}: there is nothing at this address."
    assert failed.kind is FailureKind.INVALID_DATA


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        *(
            (status, True)
            for status in ("304 x", "400 x", "402 x", "405 x", "406 x", "414 x", "415 x", "422 x", "501 x")
        ),
        *((status, False) for status in ("408 x", "425 x", "429 x", "500 x", "502 x", "503 x", "504 x", "507 x")),
    ],
)
async def test_what_is_sure_to_fail_again_is_final(open_client: GuardedClient, status: str, is_final: bool) -> None:
    async with listening(http(status=status)) as server:
        assert (await failure(open_client, server.url())).is_final is is_final


@pytest.mark.parametrize(
    ("error", "is_final"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False), (socket.EAI_FAIL, False)]
)
async def test_a_name_that_does_not_exist_is_final_and_a_silent_name_server_is_not(error: int, is_final: bool) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(error, "no")

    async with opened(GuardedClient(resolve=resolve)) as client:
        assert (await failure(client, "http://nowhere.example/")).is_final is is_final


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, 999_999_999),
        ("Sun, 99 Nov 1994 08:51:37 GMT", None),
        ("²", None),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_the_pause_that_a_server_asks_for_is_known(
    open_client: GuardedClient, status: str, header: str, wait: float | None
) -> None:
    head = f"HTTP/1.1 {status}\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: {header}\r\n\r\n"
    async with listening(head.encode()) as server:
        failed = await failure(open_client, server.url())
    assert failed.retry_after == wait
    asks = "" if wait is None else f" and asks to wait {wait} s"
    assert failed.message == f"url: the server answered {status}{asks}."


async def test_a_relative_redirect_stays_on_its_server(open_client: GuardedClient) -> None:
    async with listening(http(status="302 Found", Location="/again")) as server:
        await failure(open_client, server.url("/start"))
    assert [head.split(" ")[1] for head in server.heads] == ["/start", *["/again"] * 10]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("404 Not Found", FailureKind.URL_NOT_FOUND),
        ("410 Gone", FailureKind.URL_NOT_FOUND),
        ("401 Unauthorized", FailureKind.URL_NOT_ALLOWED),
        ("403 Forbidden", FailureKind.URL_NOT_ALLOWED),
        ("429 Too Many Requests", FailureKind.RATE_LIMITED),
        ("500 Internal Server Error", FailureKind.URL_ERROR),
        ("302 Found", FailureKind.URL_ERROR),
        ("599 Odd", FailureKind.URL_ERROR),
    ],
)
async def test_a_status_becomes_a_kind_of_failure(open_client: GuardedClient, status: str, kind: FailureKind) -> None:
    async with listening(http(b"x", status=status)) as server:
        failed = await failure(open_client, server.url())
    assert failed.kind is kind
    assert f"the server answered {status[:3]}" in failed.message


async def test_nobody_listening_is_a_refused_connection(open_client: GuardedClient) -> None:
    async with listening(b"") as server:
        port = server.port
    assert (await failure(open_client, f"http://127.0.0.1:{port}/")).kind is FailureKind.URL_CONNECTION_REFUSED


async def test_a_name_without_an_address_is_a_failure(open_client: GuardedClient) -> None:
    for host in ("no-such-name.invalid", "a" * 80 + ".example"):
        assert (await failure(open_client, f"http://{host}/")).kind is FailureKind.URL_ERROR


async def test_a_name_server_that_does_not_answer_is_a_timeout() -> None:
    async def never(host: str, port: int) -> list[str]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with opened(GuardedClient(resolve=never, timeouts=Timeouts(connect=0.05))) as client:
        assert (await failure(client, "http://slow.example/")).kind is FailureKind.URL_TIMEOUT


async def test_an_endless_body_is_cut_off(open_client: GuardedClient) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with listening(endless) as server:
        failed = await failure(open_client, server.url(), max_bytes=1_000_000)
    assert (failed.kind, failed.message) == (
        FailureKind.INVALID_DATA,
        "url: the answer is larger than 1000000 bytes.",
    )
    assert sent < 50_000_000


async def test_an_announced_size_over_the_limit_is_refused_unread(open_client: GuardedClient) -> None:
    async with listening(http(b"x", length=2_000_000)) as server:
        with pytest.raises(OutgoingFailed, match="larger than 1000 bytes"):
            async with open_client.fetch(server.url(), max_bytes=1000):
                pytest.fail("the head was accepted")


async def test_the_clients_own_limit_cannot_be_raised() -> None:
    async with listening(http(b"x" * 11)) as server, opened(GuardedClient(allow_private=True, max_bytes=10)) as client:
        assert "larger than 10 bytes" in (await failure(client, server.url(), max_bytes=1000)).message


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_a_body_that_drips_is_cut_off_by_the_total_time() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await drip(writer)

    timeouts = Timeouts(connect=5, head=5, read=5, total=0.3)
    async with listening(slow) as server, opened(GuardedClient(allow_private=True, timeouts=timeouts)) as client:
        failed = await failure(client, server.url())
    assert (failed.kind, failed.message) == (FailureKind.URL_TIMEOUT, "url: the answer took too long.")


async def test_a_head_that_drips_is_cut_off() -> None:
    timeouts = Timeouts(connect=5, head=0.3, read=5, total=5)
    async with listening(drip) as server, opened(GuardedClient(allow_private=True, timeouts=timeouts)) as client:
        assert (await failure(client, server.url())).kind is FailureKind.URL_TIMEOUT


async def test_a_server_that_says_nothing_is_a_timeout() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    timeouts = Timeouts(connect=5, head=5, read=0.1, total=5)
    async with listening(silent) as server, opened(GuardedClient(allow_private=True, timeouts=timeouts)) as client:
        assert (await failure(client, server.url())).kind is FailureKind.URL_TIMEOUT


async def test_a_gzip_bomb_is_cut_off(open_client: GuardedClient) -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    async with listening(http(bomb, Content_Encoding="gzip")) as server:
        failed = await failure(open_client, server.url())
    assert failed.kind is FailureKind.INVALID_DATA
    assert "grows more than 100 times" in failed.message


async def test_honest_gzip_is_undone_also_in_several_members(open_client: GuardedClient) -> None:
    body = random.Random(1).randbytes(700_000) + b"abc " * 100_000
    packed = gzip.compress(body) + gzip.compress(b"tail") + bytes(10)
    async with listening(http(packed, Content_Encoding="gzip")) as server:
        assert await fetched(open_client, server.url()) == body + b"tail"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        # It has no time in it, because every test process must give this case the same name.
        (http(gzip.compress(b"x" * 10_000, mtime=0)[:-9], Content_Encoding="gzip"), "ended early"),
        (http(b"not gzip", Content_Encoding="gzip"), "not valid gzip"),
        (http(b"x", Content_Encoding="br"), 'content encoding "br"'),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 101 + b"\r\n", "more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 300_000 + b"\r\n\r\n", "broke off"),
        (http(b"short", length=10), "broke off"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "broke off"),
        (b"", "broke off"),
    ],
)
async def test_a_broken_answer_is_a_failure(open_client: GuardedClient, answer: bytes, words: str) -> None:
    async with listening(answer) as server:
        assert words in (await failure(open_client, server.url())).message


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a file with a certificate for secure.example and its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = [
        program,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    named = ["-subj", "/CN=secure.example", "-addext", "subjectAltName=DNS:secure.example"]
    subprocess.run([*made, *named, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


async def test_a_certificate_is_the_names_and_https_never_becomes_http(authority: Path) -> None:
    async def local(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(authority)
    asked: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(authority))
    async with (
        listening(http(b"plain")) as plain,
        listening(http(b"secure"), tls=serving) as secure,
        listening(http(status="302 Found", Location=plain.url(host="plain.example")), tls=serving) as downgrading,
        opened(GuardedClient(allow_private=True, verify=trusting, resolve=local)) as client,
    ):
        assert await fetched(client, f"https://secure.example:{secure.port}/") == b"secure"
        assert f"Host: secure.example:{secure.port}\r\n" in secure.heads[0]
        assert "no secure connection" in (await failure(client, f"https://other.example:{secure.port}/")).message
        assert asked == ["secure.example", "other.example"]
        refused = await failure(client, f"https://secure.example:{downgrading.port}/")
        assert refused.message == "url: redirected from https to http."
    assert plain.connections == 0


async def test_proxies_of_the_environment_are_not_used(
    open_client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(http(b"direct")) as server, listening(http(b"proxied")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        assert await fetched(open_client, server.url()) == b"direct"
    assert proxy.connections == 0


async def test_no_connection_is_kept_for_another_name_at_the_same_address(open_client: GuardedClient) -> None:
    async def kept_open(writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"x"))
        await asyncio.Event().wait()

    async with listening(kept_open) as server:
        for host in ("127.0.0.1", "localhost"):
            assert await fetched(open_client, server.url(host=host)) == b"x"
    assert server.connections == 2


async def test_no_cookie_of_one_answer_reaches_the_next(open_client: GuardedClient) -> None:
    async with listening(http(b"x", Set_Cookie="who=first; Path=/")) as server:
        await fetched(open_client, server.url())
        await fetched(open_client, server.url())
    assert "cookie" not in "".join(server.heads).lower()
