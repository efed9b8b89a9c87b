"""`GET /metrics`: the numbers of a server, for whoever may read them."""

import asyncio
import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from enginehouse.api import auth
from enginehouse.api.http import errors
from enginehouse.api.http.call import Headers, Reply
from enginehouse.domain.errors import Refusal, Unavailable
from enginehouse.operations import metrics
from enginehouse.operations.house import House
from enginehouse.operations.metrics import Snapshot
from enginehouse.operations.permission import require_super_admin

if TYPE_CHECKING:
    from enginehouse.api.metrics.exposition import Exposition

FRESH: Final = 5.0  # seconds
_SHARE: Final = 0.05  # of all time that is spent on looks, however long one takes
_FORMATS: Final = 8  # of which the text is kept


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """Who may read the numbers besides super administrators: whoever sends `secret` as a token; all if `is_open`."""

    is_open: bool = False
    secret: str | None = field(default=None, repr=False)


class MetricsPage:
    """The numbers of a house. All readers share one look at the storage, which is a few seconds old at most."""

    def __init__(self, house: House, access: MetricsAccess) -> None:
        self._house = house
        self._access = access
        self._lock = asyncio.Lock()
        self._look_again = float("-inf")
        self._snapshot: Snapshot | None = None
        self._texts: dict[str, Exposition] = {}

    async def reply(self, headers: Headers) -> Reply:
        """Returns the numbers, or the refusal of a caller who may not read them."""
        try:
            await self._check(headers)
        except Refusal as refusal:
            return Reply(errors.body(refusal), refusal.rest_status, errors.headers(refusal))
        text = await self._text((headers.accept or b"").decode("latin-1"))
        return Reply(text.body, media_type=text.media_type)

    async def _check(self, headers: Headers) -> None:
        if self._access.is_open:
            return
        given, secret = auth.secret(headers.authorization, headers.api_key), self._access.secret
        if given and secret and hmac.compare_digest(given.encode(), secret.encode()):
            return
        require_super_admin(await auth.authenticate(self._house, headers))

    async def _text(self, accept: str) -> "Exposition":
        async with self._lock:
            if time.monotonic() >= self._look_again:
                await self._look()
            if accept in self._texts:
                return self._texts[accept]
            # Imported at the first request: it takes a tenth of the time in which a server starts.
            from enginehouse.api.metrics import exposition  # noqa: PLC0415

            totals = self._house.commits.all_totals()
            text = exposition.exposition(self._snapshot, totals, accept, metrics.EngineNames(self._house, totals))
            if len(self._texts) < _FORMATS:
                self._texts[accept] = text
            return text

    async def _look(self) -> None:
        began = time.monotonic()
        try:
            self._snapshot = await metrics.look(self._house)
        except Unavailable:
            self._snapshot = None  # numbers of an earlier moment would look like those of now
        ended = time.monotonic()
        self._look_again = ended + max(FRESH, (ended - began) / _SHARE)
        self._texts.clear()
