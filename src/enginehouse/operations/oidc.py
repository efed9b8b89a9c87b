"""Opens the session of a person whom an identity provider has signed in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol
from uuid import uuid4

from enginehouse.domain.identity import Role, TokenKind, User, UserStatus
from enginehouse.domain.oidc import OidcSettings, Person, SignInRefused, person_of
from enginehouse.operations import account_problems, bounds, tokens
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.sessions import LoginSession
from enginehouse.storage import identity as storage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage import users
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.identity import UserRecord

_DETAIL: Final = "at the identity provider"


class IdentityProvider(Protocol):
    """A provider at which people sign in. Its methods raise SignInRefused."""

    settings: OidcSettings

    async def address(self, back: str, *, state: str, nonce: str, challenge: str) -> str:
        """Returns the provider's page on which a person signs in."""

    async def claims(self, code: str, back: str, *, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Returns what the provider says of the person whom it has sent back with this code."""


async def login(house: House, settings: OidcSettings, claims: Mapping[str, Any]) -> LoginSession:
    """Opens a session of about a day for the user whose name is in the claim.

    The user gets the role of its groups, if roles are set. Whoever has no user here gets one if the settings say so.
    Raises SignInRefused, which is recorded.
    """
    name: object = claims.get(settings.claim)
    try:
        person = person_of(settings, claims)
        name = person.name
        return await _open_session(house, settings, person)
    except SignInRefused as refused:
        shown = name if isinstance(name, str) else None
        await house.refusals.note(trail.stranger("userLogin", refused.message[:200], user_name=shown))
        raise


async def _open_session(house: House, settings: OidcSettings, person: Person) -> LoginSession:
    secret = tokens.new_uuid()
    token_id = tokens.token_id(tokens.fingerprint(secret))
    entered = trail.stranger("userLogin", _DETAIL, token_id=token_id).about(None, success=True, object_type="User")
    changed, added = entered.about(None, event="updateUser"), entered.about(None, event="createUser")

    async def open_session(tx: Tx) -> tuple[LoginSession, list[str]]:
        # Two first sign-ins at once make one user, and a role is changed beside no other change of administrators.
        await tx.lock(storage.IDENTITY_LOCK)
        user, stale = await _user(tx, person), list[str]()
        written = [entered]
        if user is None:
            user = await _create(tx, settings, person)
            written.insert(0, added)
        elif person.role is not None and user.role is not person.role:
            user, stale = await _change_role(tx, user, person.role)
            written.insert(0, changed)
        organization = await stored_organizations.organization(tx, user.organization_id)
        if organization is None:
            raise SignInRefused("The organization of this person does not exist here. Ask an administrator.")
        who = {"organization_id": user.organization_id, "user_id": user.id, "user_name": user.name}
        await entries.record(tx, [entry.about(user.id, **who) for entry in written])
        row = tokens.row(
            secret,
            organization_id=user.organization_id,
            user_id=user.id,
            kind=TokenKind.SESSION,
            role=user.role,
            super_admin=user.super_admin,
            expires_at=tx.now + house.limits.session_seconds * 1_000_000,
        )
        await users.note_sign_in(tx, user)
        await stored_tokens.insert_token(tx, row)
        return LoginSession(secret, user, organization, user.last_login_at), stale

    session, stale = await house.database.write(open_session)
    house.known_tokens.forget(stale)
    return session


async def _user(tx: Tx, person: Person) -> User | None:
    """Returns the user with the name, None if there is none. Raises SignInRefused for one who is suspended."""
    found = await storage.user_named(tx, None, person.name) if bounds.storable(person.name) else None
    if found is not None and found.status is not UserStatus.ACTIVE:
        raise SignInRefused("This account is suspended. Ask an administrator.")
    return found


async def _create(tx: Tx, settings: OidcSettings, person: Person) -> User:
    if not settings.create:
        raise SignInRefused(f'Nobody here is called "{person.name[:200]}". Ask an administrator for an account.')
    row = UserRecord(
        id=str(uuid4()),
        name=person.name,
        password_hash=None,
        role=person.role or Role.READER,
        display_name=person.display_name,
        email=person.email,
    )
    problems = bounds.text("name", person.name, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("displayName", person.display_name, longest=bounds.LONGEST_NAME)
    if problems:
        raise SignInRefused(f"The provider's claims make no account here: {problems[0].message}")
    owner = settings.organization if person.organization is None else person.organization
    if await stored_organizations.organization(tx, owner) is None:
        raise SignInRefused(f"There is no organization {owner} here, which is set for you. Ask an administrator.")
    made = await storage.create_user(tx, owner, row)
    if made is None:
        raise SignInRefused(account_problems.name_is_taken(person.name).text)
    return made


async def _change_role(tx: Tx, user: User, role: Role) -> tuple[User, list[str]]:
    """Returns the user with the role, and the tokens to look up again. The last administrators keep theirs."""
    if user.role is Role.ADMIN and (
        await users.is_last_administrator(tx, user)
        or (user.super_admin and await users.is_last_super_administrator(tx, user))
    ):
        return user, []
    new = replace(user, role=role, modified_at=tx.now)
    await users.put(tx, new)
    return new, await users.settle_tokens(tx, new)
