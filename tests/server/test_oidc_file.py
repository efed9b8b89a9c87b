"""The operator's file about the identity provider: what it may say, and what is wrong with it."""

from pathlib import Path

import pytest

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Role
from enginehouse.outgoing.oidc import OidcProvider
from enginehouse.server.oidc_file import provider, read

WHOLE = """
issuer = "https://login.example.org/realms/main"
client_id = "enginehouse"
client_secret_file = "secret"
name = "Example login"
claim = "email"
create = true
organization = 2
group_claim = "roles"
redirect_url = "https://jobs.example.org/sign-in/oidc/back"
[roles]
operators = "admin"
[organizations]
radio = 3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "oidc.toml"
    path.write_text(text)
    return path


def test_everything_that_it_may_say(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    made = provider(written(tmp_path, WHOLE))
    assert isinstance(made, OidcProvider)
    settings = made.settings
    assert (settings.name, settings.create, settings.organization) == ("Example login", True, 2)
    assert (settings.roles, settings.organizations) == ({"operators": Role.ADMIN}, {"radio": 3})
    assert "s3cret" not in repr(settings) + repr(made)


LEAST = 'issuer = "https://login.example.org"\nclient_id = "x"\n'


def test_it_needs_little_and_makes_no_accounts(tmp_path: Path) -> None:
    settings = read(written(tmp_path, LEAST + 'client_secret = "hidden"'))
    assert (settings.claim, settings.create, settings.roles) == ("email", False, {})
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("issuer = ", "oidc.toml: "),
        ('issuer = "https://x"', "client_id"),
        (LEAST + "colour = 1", "colour"),
        (LEAST + '[roles]\na = "king"', "king"),
        ('client_id = "x"\nissuer = "http://login.example.org"', "issuer: an https:// address"),
        ('client_id = "x"\nissuer = "https://x?y"', "issuer: an https:// address"),
        ('client_id = ""\nissuer = "https://x"', "client_id: the name"),
        (LEAST + 'client_secret = "a"\nclient_secret_file = "b"', "either client_secret or client_secret_file"),
        (LEAST + 'client_secret_file = "missing"', "client_secret_file: "),
        (LEAST + 'scopes = ["email"]', '"openid" is needed'),
        (LEAST + 'redirect_url = "https://x/elsewhere"', "redirect_url"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        provider(written(tmp_path, text))
    assert said in refused.value.message
    assert "oidc.toml" in refused.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing\.toml"):
        read(tmp_path / "nothing.toml")
