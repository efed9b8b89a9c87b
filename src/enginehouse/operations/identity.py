"""Authentication: sign-in, sessions and tokens."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from enginehouse.domain import task_tokens as task_token
from enginehouse.domain.audit import NOBODYS
from enginehouse.domain.errors import (
    AuthenticationFailed,
    CapacityExceeded,
    InvalidInput,
    NotAllowed,
    NotFound,
    Problem,
    TooManyFailures,
)
from enginehouse.domain.identity import Organization, Principal, Role, Token, TokenKind, User
from enginehouse.domain.token_quotas import QuotaRequest, TokenQuota
from enginehouse.operations import bounds, passwords, task_tokens, token_checks, tokens
from enginehouse.operations.accounts import get_organization
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import organization_for, require
from enginehouse.operations.sessions import IssuedToken, LoginRefused, LoginSession
from enginehouse.operations.throttle import client_network
from enginehouse.storage import identity as storage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage import token_quotas
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


async def authenticate(house: House, secret: str) -> Principal:
    """Returns the holder of the token. Raises AuthenticationFailed. A holder is cached for at most one second."""
    if task_token.looks_like_one(secret):
        engine = await task_tokens.holder(house, secret)
        if engine is not None:
            return engine
    if not secret or len(secret) > tokens.LONGEST_SECRET:
        await _count_bad_token(house)
        await refuse(house, "the token cannot be one")
        raise AuthenticationFailed
    token_hash = tokens.fingerprint(secret)
    known = house.known_tokens.get(token_hash)
    if known is not None:
        return known
    generation, since = house.known_tokens.generation, time.monotonic()
    holder = await house.database.peek(lambda tx: stored_tokens.holder(tx, token_hash))
    if holder is None:
        await _count_bad_token(house)
        await _refuse_token(house, token_hash)
        raise AuthenticationFailed
    principal = holder.principal
    house.token_uses.note(holder)
    house.known_tokens.remember(token_hash, principal, left=holder.left, since=since, generation=generation)
    return principal


async def _count_bad_token(house: House) -> None:
    """Counts a token that is not valid. Raises TooManyFailures if many came from the address of this request."""
    address = client_network()
    wait = house.bad_tokens.wait(address)
    if wait:
        await refuse(house, "too many tokens that are not valid")
        raise TooManyFailures(wait)
    house.bad_tokens.note(address)


async def refuse(house: House, why: str) -> None:
    """Records that a request without a valid token was refused."""
    await house.refusals.note(trail.stranger("authenticate", why))


async def refuse_kind(house: House, principal: Principal) -> None:
    """Records that a request was refused because its token is not for workers."""
    detail = "the token is not for workers"
    await house.refusals.note(trail.entry(principal, "authenticate", success=False, detail=detail))


async def _refuse_token(house: House, token_hash: str) -> None:
    token = await house.database.peek(lambda tx: stored_tokens.token_with_hash(tx, token_hash))
    if token is None:
        await refuse(house, "the token is unknown")
        return
    refused = trail.stranger(
        "authenticate",
        "the token has expired" if token.revoked_at is None else "the token was revoked",
        organization_id=token.organization_id,
        user_id=token.user_id,
        token_id=token.id,
    )
    await house.refusals.note(refused)


async def login(house: House, name: str, password: str) -> LoginSession:
    """Opens a session of about a day. Raises LoginRefused, or CapacityExceeded after too many failed logins.

    An unknown name costs the same work as a wrong password.
    """
    try:
        async with house.failed_logins.attempt(name):
            return await _login(house, name, password)
    except CapacityExceeded:
        await house.refusals.note(trail.stranger("userLogin", "too many failed logins", user_name=name))
        raise


async def _login(house: House, name: str, password: str) -> LoginSession:
    known = name if bounds.storable(name) else ""
    user, password_hash = await house.database.read(lambda tx: storage.user_signing_in(tx, known)) or (None, None)
    right = await passwords.verified(password_hash, password)
    try:
        if user is None or password_hash is None or not right:
            raise LoginRefused
        return await _open_session(house, user, password_hash)
    except LoginRefused:
        refused = trail.stranger(
            "userLogin",
            "the name or the password is wrong",
            organization_id=NOBODYS if user is None else user.organization_id,
            user_id=None if user is None else user.id,
            user_name=name,
        )
        await house.refusals.note(refused)
        raise


async def _open_session(house: House, user: User, password_hash: str) -> LoginSession:
    secret = tokens.new_uuid()
    caller = Principal(user.organization_id, user.id, tokens.token_id(tokens.fingerprint(secret)), user_name=user.name)
    entered = trail.entry(caller, "userLogin", object_type="User", object_id=user.id)

    async def open_session(tx: Tx) -> LoginSession:
        organization = await stored_organizations.organization(tx, user.organization_id)
        row = _session(tx, house, user, secret)
        if organization is None or not await storage.open_session(tx, user, password_hash, row):
            raise LoginRefused
        await entries.record(tx, [entered])
        return LoginSession(secret, user, organization, user.last_login_at)

    return await house.database.write(open_session)


async def validate_token(house: House, secret: str) -> LoginSession:
    """Returns the session of this token, as a login returns it. Raises AuthenticationFailed."""
    principal = await authenticate(house, secret)
    if principal.task is not None or principal.worker is not None:
        raise AuthenticationFailed  # it is no session, and says nothing about its organization
    user, organization = await me(house, principal)
    return LoginSession(secret, user, organization, None if user is None else user.last_login_at)


async def me(house: House, principal: Principal) -> tuple[User | None, Organization]:
    """Returns the caller's user (None for a token without a user) and organization."""

    async def look(tx: Tx) -> tuple[User | None, Organization | None]:
        user_id, organization_id = principal.user_id, principal.organization_id
        user = None if user_id is None else await storage.user(tx, organization_id, user_id)
        return user, await stored_organizations.organization(tx, organization_id)

    user, organization = await house.database.peek(look)
    if organization is None:
        raise AuthenticationFailed
    return user, organization


async def refresh_token(house: House, secret: str) -> LoginSession:
    """Opens another session of about a day for the user of this one, which stays valid until its own end.

    Raises AuthenticationFailed, and InvalidInput for a key, which lives until it is revoked.
    """
    caller, fresh = await authenticate(house, secret), tokens.new_uuid()
    refreshed = trail.entry(caller, "refreshToken", object_type="User", object_id=caller.user_id)

    async def renew(tx: Tx) -> LoginSession:
        old = await stored_tokens.token_with_hash(tx, tokens.fingerprint(secret))
        if await stored_tokens.holder(tx, tokens.fingerprint(secret)) is None or old is None:
            raise AuthenticationFailed
        if old.kind is not TokenKind.SESSION or old.user_id is None:
            raise InvalidInput("this is a key, not a session; a key is valid until it is revoked.", "token")
        if old.key_id is not None:
            raise InvalidInput("this is the session of a key; open another one with the key.", "token")
        user = await storage.user(tx, old.organization_id, old.user_id)
        organization = await stored_organizations.organization(tx, old.organization_id)
        if user is None or organization is None:
            raise AuthenticationFailed
        await stored_tokens.insert_token(tx, _session(tx, house, user, fresh))
        await entries.record(tx, [refreshed])
        return LoginSession(fresh, user, organization, user.last_login_at)

    return await house.database.write(renew)


def _session(tx: Tx, house: House, user: User, secret: str) -> stored_tokens.TokenRecord:
    return tokens.row(
        secret,
        organization_id=user.organization_id,
        user_id=user.id,
        kind=TokenKind.SESSION,
        role=user.role,
        super_admin=user.super_admin,
        expires_at=tx.now + house.limits.session_seconds * 1_000_000,
    )


async def logout(house: House, secret: str) -> bool:
    """Ends the session at once. Returns False if there is none, or a key, which can only be revoked.

    What is not valid counts as a wrong token. Raises TooManyFailures after too many.
    """
    token_hash = tokens.fingerprint(secret)
    left = trail.entry(Principal(NOBODYS, None, tokens.token_id(token_hash)), "userLogout", object_type="User")

    async def end(tx: Tx) -> tuple[Principal | None, bool]:
        found = await stored_tokens.holder(tx, token_hash)
        holder = await stored_tokens.end_session(tx, token_hash)
        if holder is not None:
            who = {"user_id": holder.user_id, "user_name": holder.user_name}
            await entries.record(tx, [left.about(holder.user_id, organization_id=holder.organization_id, **who)])
        return holder, found is not None

    holder, was_valid = await house.database.write(end)
    house.known_tokens.forget([token_hash])
    if not was_valid:
        await _count_bad_token(house)
    return holder is not None


@trail.mutation("createToken", "Token")
async def create_token(
    house: House,
    principal: Principal,
    *,
    name: str | None = None,
    expires_at: int | None = None,
    as_uuid: bool = False,
    organization_id: int | None = None,
    role: Role | None = None,
    jsondata: Any = None,
    quota: QuotaRequest | None = None,
    known_problems: Sequence[Problem] = (),
) -> IssuedToken:
    """Creates a key of the organization. Its secret is in the result and nowhere else.

    `as_uuid` gives it the form that REST clients expect; `expires_at` is µs UTC; None never expires. `role` is at most
    the caller's role. `quota` limits what it may use. Raises NotAllowed, NotFound (organization), InvalidInput.
    """
    require(principal, Role.ADMIN)
    token_checks.refuse_limited(principal)
    token_role = role or principal.role
    if not principal.role.covers(token_role):
        raise NotAllowed
    organization = await get_organization(house, principal, organization_id)
    problems = [*known_problems, *bounds.text("name", name, longest=bounds.LONGEST_NAME)]
    problems += bounds.json("jsondata", jsondata) + token_checks.quota_problems(quota or QuotaRequest())
    bounds.refuse(problems)
    secret = tokens.new_uuid() if as_uuid else tokens.new_key()
    row = tokens.row(
        secret,
        organization_id=organization.id,
        user_id=principal.user_id if organization.id == principal.organization_id else None,
        kind=TokenKind.KEY,
        role=token_role,
        name=name,
        expires_at=expires_at,
        jsondata=jsondata,
    )

    entry = trail.entry(
        principal, "createToken", object_type="Token", object_id=row.id, organization_id=organization.id
    )

    async def issue(tx: Tx) -> Token:
        bounds.refuse(token_checks.expiry_problems(tx.now, expires_at))
        await entries.record(tx, [entry])
        token = await stored_tokens.insert_token(tx, row)
        limits = TokenQuota(token.id, organization.id).with_request(quota or QuotaRequest())
        if not any(limits[2:]):
            return token
        await token_quotas.put(tx, limits)
        return replace(token, quota=limits)

    return IssuedToken(secret, await house.database.write(issue))


async def list_tokens(house: House, principal: Principal, organization_id: int | None = None) -> list[Token]:
    """Returns the organization's valid tokens, the oldest first. Raises NotAllowed, NotFound (organization)."""
    require(principal, Role.ADMIN)
    organization = await get_organization(house, principal, organization_id)
    found = await house.database.read(lambda tx: stored_tokens.live_tokens(tx, organization.id))
    return house.token_uses.shown(found)


@trail.mutation("revokeToken", "Token")
async def revoke_token(
    house: House, principal: Principal, token_id_or_secret: str, organization_id: int | None = None
) -> Token:
    """Revokes the token: in this process at once, in every other within a second.

    A second call changes nothing. Raises NotAllowed, NotFound, and InvalidInput if the request uses this token and
    nobody could sign in afterwards. The message never repeats a text that may be a secret.
    """
    require(principal, Role.ADMIN)
    organization = organization_for(principal, organization_id)
    entry = trail.entry(principal, "revokeToken", object_type="Token", organization_id=organization)
    named, token_hash = tokens.uuid_of(token_id_or_secret), tokens.fingerprint(token_id_or_secret)

    async def revoke(tx: Tx) -> tuple[Token, list[str]]:
        token = await stored_tokens.token(tx, organization, token_id=named, token_hash=token_hash)
        if token is None:
            raise NotFound("Token", tokens.shown(token_id_or_secret))
        if token.id == principal.token_id:
            await token_checks.refuse_last(tx, token)
        revoked = await stored_tokens.revoke_token(tx, organization, token.id)
        await entries.record(tx, [entry.about(token.id)])
        return await stored_tokens.token(tx, organization, token_id=token.id, token_hash="") or token, revoked

    token, revoked = await house.database.write(revoke)
    house.known_tokens.forget(revoked)
    return token
