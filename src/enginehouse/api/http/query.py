"""Reads the parameters of a query. One refusal names every wrong parameter."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, Problem, excerpt, unknown_word

MAX_PAGE: Final = 1000
MAX_OFFSET: Final = 2**31 - 1
_MOST_PARAMETERS: Final = 200


class Query:
    """The parameters of one request. Read what is needed, then call `finish`."""

    def __init__(self, raw: bytes) -> None:
        self.problems: list[Problem] = []
        try:
            pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        except ValueError:
            raise InvalidInput(f"at most {_MOST_PARAMETERS} query parameters.") from None
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._values.setdefault(name, value)

    def text(self, name: str) -> str | None:
        """Returns the value, None if it is absent or empty."""
        value = self._values.get(name) or None
        if value is not None and "\0" in value:
            self.problems.append(Problem(name, "character U+0000 is not allowed."))
            return None
        return value

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Returns the number, `default` if it is absent. A number outside the bounds is a problem."""
        given = self.text(name)
        if given is None:
            return default
        digits = given.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= (number := int(given)) <= most:
            return number
        allowed = f"{least}–{most}"
        self.problems.append(Problem(name, f"{allowed}, got {given[:60]}.", excerpt(given), allowed))
        return default

    def id(self, name: str, pattern: re.Pattern[str], words: str) -> str | None:
        """Returns an id that has one of the forms of the pattern, which `words` names."""
        given = self.text(name)
        if given is not None and not pattern.fullmatch(given):
            self.problems.append(Problem(name, f"{words}, got {excerpt(given)}.", excerpt(given), words))
            return None
        return given

    def digits(self, name: str) -> str | None:
        """Returns an id of decimal digits."""
        given = self.text(name)
        if given is not None and not (given.isascii() and given.isdigit()):
            self.problems.append(
                Problem(name, f"decimal digits, got {excerpt(given)}.", excerpt(given), "decimal digits")
            )
            return None
        return given

    def word(self, name: str, allowed: Sequence[str], default: str | None = None) -> str | None:
        """Returns one of the allowed words."""
        given = self.text(name)
        if given is None or given in allowed:
            return given or default
        self.problems.append(unknown_word(name, given, allowed))
        return default

    def boolean(self, name: str) -> bool | None:
        """Returns whether it is `true`; None if it is absent."""
        word = self.word(name, ("true", "false"))
        return None if word is None else word == "true"

    def descending(self) -> bool:
        """Returns True unless the request wants `ASC`. A descending list is newest first."""
        given = self.text("direction") or "DESC"
        if given.upper() not in {"ASC", "DESC"}:
            self.problems.append(unknown_word("direction", given, ("ASC", "DESC")))
        return given.upper() != "ASC"

    def order(self, allowed: Sequence[str]) -> str:
        """Returns the order of the list, by default the first of the allowed words."""
        given = self.text("orderBy")
        if given is None or given in allowed:
            return given or allowed[0]
        words = "one of " + ", ".join(allowed)
        self.problems.append(Problem("orderBy", f"{words}.", excerpt(given), words))
        return allowed[0]

    def page(self, limit: int = 10) -> tuple[int, int]:
        """Returns (offset, limit), by default 0 and `limit`."""
        return self.integer("offset", 0, 0, MAX_OFFSET), self.integer("limit", limit, 1, MAX_PAGE)

    def earliest(self, *names: str) -> int | None:
        """Returns the lower bound (µs UTC) that satisfies all of these parameters, each in Unix seconds."""
        bounds = [at for name in names if (at := self._moment(name, upper=False)) is not None]
        return max(bounds, default=None)

    def latest(self, *names: str) -> int | None:
        """Returns the upper bound (µs UTC) that satisfies all of these parameters. Each covers its unit."""
        bounds = [at for name in names if (at := self._moment(name, upper=True)) is not None]
        return min(bounds, default=None)

    def finish(self) -> None:
        """Everything that was read is valid. Raises InvalidInput with all problems."""
        if self.problems:
            raise InvalidInput(self.problems)

    def _moment(self, name: str, *, upper: bool) -> int | None:
        given = self.text(name)
        try:
            return times.upper_bound(given) if upper else times.moment(given)
        except times.DateTimeError as fault:
            self.problems.append(Problem(name, str(fault), excerpt(given)))
            return None
