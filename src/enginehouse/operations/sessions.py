"""What a sign-in and a new token return, and the refusal of a sign-in."""

from dataclasses import dataclass, field

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Organization, Token, User


class LoginRefused(NotFound):
    """The name or the password is wrong. The message does not say which."""

    def __init__(self) -> None:
        super().__init__("User", "")
        self.message = "The requested object or entity could not be found"
        self.args = (self.message,)


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A valid token and its holder. `last_login_at` is the time of the previous login, µs UTC."""

    token: str = field(repr=False)
    user: User | None
    organization: Organization
    last_login_at: int | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its secret, which cannot be read again later."""

    secret: str = field(repr=False)
    token: Token
