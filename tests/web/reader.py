"""A browser without JavaScript: it keeps cookies, follows redirects, and sends the forms of the pages."""

import re
from collections.abc import Mapping
from html import unescape
from types import MappingProxyType
from typing import Any, Final

import httpx

BASE: Final = "http://enginehouse.test"
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')
_TAGS: Final = re.compile(r"<[^>]*>")


class Reader:
    """One browser. `proof` is what the forms of the last page carry."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.proof = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Opens the page, and remembers the proof of its forms."""
        answer = await self.http.get(path, headers={"accept": "text/html", **headers}, follow_redirects=True)
        self._remember(answer)
        return answer

    async def post(
        self,
        path: str,
        form: Mapping[str, str] = MappingProxyType({}),
        *,
        proof: str | None = None,
        follow: bool = True,
        **fields: str,
    ) -> httpx.Response:
        """Sends a form of the last page."""
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
        whole = {"csrf": self.proof if proof is None else proof, **form, **fields}
        answer = await self.http.post(path, data=whole, headers=headers, follow_redirects=follow)
        self._remember(answer)
        return answer

    async def upload(
        self,
        path: str,
        fields: Mapping[str, str],
        *,
        file: tuple[str, bytes, str] | None = None,
        follow: bool = True,
    ) -> httpx.Response:
        """Sends a form of the last page as one with a file, which stands behind all its fields."""
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
        parts: list[tuple[str, Any]] = [(name, (None, text.encode())) for name, text in fields.items()]
        parts = [("csrf", (None, self.proof.encode())), *parts, ("file", file or ("", b"", "application/octet-stream"))]
        answer = await self.http.post(path, files=parts, headers=headers, follow_redirects=follow)
        self._remember(answer)
        return answer

    async def sign_in(self, name: str, password: str, path: str = "/") -> httpx.Response:
        """Opens the page, which leads to the form, and sends that."""
        await self.get(path)
        return await self.post("/sign-in", name=name, password=password, next=path)

    def _remember(self, answer: httpx.Response) -> None:
        found = _CSRF.search(answer.text)
        self.proof = found[1] if found else self.proof


def text(answer: httpx.Response) -> str:
    """Returns what a person reads on the page, without its tags."""
    body = answer.text.partition("<main")[2]
    return re.sub(r"\s+", " ", unescape(_TAGS.sub(" ", body))).strip(" >")
