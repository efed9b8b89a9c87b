"""No header, body, form or document makes the server fail, with a token and without one.

`make test` sends some of the extremes and of the random texts, `make chaos` all of them.
"""

import random
import re
from typing import Any, Final

from tests.api.belongings import belongings
from tests.api.clients import Api
from tests.api.extremes import HEADERS, NUMBERS, Door, some
from tests.api.verbs import GRAPHQL
from tests.thorough import THOROUGH

from enginehouse.api.graphql.schema import OPEN

RAW_BODIES: Final = [
    b"", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"9" * 100_000, b"1e400",
    b"NaN", b'{"a":1,"a":2}', b'"\\ud800"', b'{"\\u0000":0}', b"null", b"[]", b'"' + b"x" * 1_000_000 + b'"', b"{}x",
    b"\x00",
]  # fmt: skip


async def test_no_header_and_no_body_makes_the_server_fail(sqlite_api: Api) -> None:
    things = await belongings(sqlite_api)
    requests = [
        ("GET", "/edge/v1/proc/jobs"),
        ("POST", "/edge/v1/proc/job/create"),
        ("POST", GRAPHQL),
        ("GET", f"/api/v1/asset/{things['asset']}/content"),
        ("GET", f"/edge/v1/proc/job/{things['job']}/download/a.txt"),
        ("GET", f"/api/v1/jobs/{things['job']}/events/stream"),
        ("GET", f"/api/v1/jobs/{things['job']}/events"),
        ("POST", "/api/v1/schedules"),
        ("POST", "/edge/v1/admin/users/login"),
    ]
    names = [
        b"authorization", b"api_key", b"content-type", b"content-length", b"idempotency-key", b"x-correlation-id",
        b"accept", b"last-event-id", b"range", b"if-range", b"if-none-match", b"if-modified-since", b"user-agent",
        b"host",
    ]  # fmt: skip
    place = 0
    for token in (sqlite_api.edge.token, None):
        door = Door(sqlite_api.house, token)
        for method, path in requests:
            for name in names:
                place += 1
                for value in some(HEADERS, place, 4):
                    body = b'{"query":"{me{id}}"}' if path == GRAPHQL else b"{}"
                    await door.send(method, path, headers=[(name, value)], body=body, about=(name, value))
            for body in RAW_BODIES:
                for kind in (b"application/json", b"multipart/form-data; boundary=b"):
                    await door.send(method, path, headers=[(b"content-type", kind)], body=body, about=body)
        assert not door.failed, "\n".join(door.failed)


async def test_a_length_that_is_none_says_nothing_about_a_document(sqlite_api: Api) -> None:
    door = Door(sqlite_api.house, sqlite_api.graphql.token)
    for length in (b"9" * 4999, b"\xb2", b"-1", b""):
        headers = [(b"content-length", length)]
        response = await door.send("POST", GRAPHQL, headers=headers, body=b'{"query":"{ __typename }"}', about=length)
        assert (response.status, response.body) == (200, b'{"data":{"__typename":"Query"}}')


PART: Final = b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n{ __typename }\r\n--b--\r\n'
BOUNDARIES: Final = [b"", b"b", b"b" * 70, b"b" * 71, b"b" * 8192, b"\xff", b'"b', b'"b"', b"b b", b"-" * 60, b"\x00"]


async def test_no_form_of_a_stranger_makes_the_server_fail(sqlite_api: Api) -> None:
    door, chance = Door(sqlite_api.house, None), random.Random(9)
    for boundary in BOUNDARIES:
        kind = b"multipart/form-data; boundary=" + boundary
        response = await door.send("POST", GRAPHQL, headers=[(b"content-type", kind)], body=PART, about=boundary)
        assert response.status in {200, 400}
    headers = [
        b"Content-Disposition", b"Content-Disposition: ;", b'x: "\xff"', b"a: " + b"b" * 9000, b": a", b"\x00: \x00",
    ]  # fmt: skip
    bodies = [PART.replace(b'Content-Disposition: form-data; name="query"', one) for one in headers]
    bodies += [PART * 30, PART[:-4], b"--b" * 10_000, b"--b\r\n" * 10_000, PART.replace(b'"query"', b"*=utf-8''%ff%00")]
    for _ in range(20_000 if THOROUGH else 400):
        torn = bytearray(PART * 2)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(torn))
            torn[at : at + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 4))
        bodies.append(bytes(torn))
    for body in bodies:
        await door.send(
            "POST", GRAPHQL, headers=[(b"content-type", b"multipart/form-data; boundary=b")], body=body, about=body
        )
    assert not door.failed, "\n".join(door.failed)


WORDS: Final = [
    *re.findall(r"\w+|[^\w\s]", PART.decode("latin-1")), *OPEN, "query", "mutation", "subscription", "fragment", "on",
    "__schema", "__type", "userLogin", "input", "me", "id", "token", "name", "F", "F", "{", "}", "{", "}", "(", ")",
    "[", "]", ":", "!", "$", "$a", "=", "@", "@skip", "...", '"', '"""', "#", "\\", "\x00", "\ud800", "9" * 5000, "-",
    "-0", "1e999", "\\u{110000}", '"\\ud800"', "\ufeff", "\n",
]  # fmt: skip
SHAPES: Final = [
    "{}", "{{ {} }}", "mutation {{ userLogin(input: {{ {} }}) {{ token }} }}", "query({}) {{ me {{ id }} }}",
]  # fmt: skip


async def test_no_document_of_a_stranger_makes_the_server_fail(sqlite_api: Api) -> None:
    chance = random.Random(9)
    for token in (None, sqlite_api.graphql.token):
        door = Door(sqlite_api.house, token)
        for _ in range(20_000 if THOROUGH else 400):
            text = " ".join(chance.choices(WORDS, k=chance.randint(1, 30)))
            variables: Any = chance.choice([None, {}, {"a": chance.choice(NUMBERS)}, {}, {}, "{", "[]", []])
            name = chance.choice([None, None, None, None, "", "F", 1])
            body = {"query": chance.choice(SHAPES).format(text), "variables": variables, "operationName": name}
            await door.post(GRAPHQL, body, about=text)
        assert not door.failed, "\n".join(door.failed)
