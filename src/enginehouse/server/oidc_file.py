"""Reads the operator's file about the identity provider."""

from pathlib import Path

import msgspec

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.oidc import OidcSettings
from enginehouse.operations.oidc import IdentityProvider


def provider(path: Path) -> IdentityProvider:
    """Returns the provider of the file. Raises InvalidInput."""
    settings = read(path)
    secret = settings.client_secret
    if settings.client_secret_file is not None:
        secret_path = path.parent / settings.client_secret_file
        try:
            secret = secret_path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise InvalidInput(f"{path}: client_secret_file: {secret_path}: {fault}.") from None
    try:
        # Nobody without a provider needs the package.
        from enginehouse.outgoing.oidc import OidcProvider  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if missing.name != "joserfc":
            raise
        text = 'needs a package that is not installed: pip install "enginehouse[oidc]"'
        raise InvalidInput(f"{path}: signing in at a provider {text}") from None
    return OidcProvider(settings, secret)


def read(path: Path) -> OidcSettings:
    """Returns the settings in the file. Raises InvalidInput."""
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=OidcSettings)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as fault:
        raise InvalidInput(f"{path}: {fault}") from None
    if problems := settings.problems():
        raise InvalidInput("\n".join(f"{path}: {problem.message}" for problem in problems))
    return settings
