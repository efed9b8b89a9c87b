"""Opens a session with a key, so that a browser holds the session and never the key."""

from enginehouse.domain.errors import AuthenticationFailed, NotAllowed
from enginehouse.domain.identity import TokenKind
from enginehouse.operations import identity, tokens
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.sessions import LoginSession
from enginehouse.storage import identity as storage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


async def login(house: House, secret: str) -> LoginSession:
    """Opens a session of about a day, which may do what the key may do and ends with it.

    Raises AuthenticationFailed and TooManyFailures as `authenticate`, and NotAllowed for a token that opens no session:
    one for workers or for a task, and a session.
    """
    holder = await identity.authenticate(house, secret)
    if holder.task is not None or holder.worker is not None:
        await house.refusals.note(trail.entry(holder, "userLogin", success=False, detail="not a key of a person"))
        raise NotAllowed("This token is for workers or for one task, and opens no page. Use a key of a person.")
    fresh = tokens.new_uuid()
    entered = trail.entry(holder, "userLogin", object_type="Token", object_id=holder.token_id, detail="with a key")

    async def open_session(tx: Tx) -> LoginSession:
        key = await stored_tokens.token_with_hash(tx, tokens.fingerprint(secret))
        if key is None or await stored_tokens.holder(tx, tokens.fingerprint(secret)) is None:
            raise AuthenticationFailed
        if key.kind is TokenKind.SESSION:
            raise NotAllowed("This is a session, not a key. Sign in with your name and password, or with a key.")
        organization = await stored_organizations.organization(tx, key.organization_id)
        user = None if key.user_id is None else await storage.user(tx, key.organization_id, key.user_id)
        if organization is None:
            raise AuthenticationFailed
        end = tx.now + house.limits.session_seconds * 1_000_000
        row = tokens.row(
            fresh,
            organization_id=key.organization_id,
            user_id=key.user_id,
            kind=TokenKind.SESSION,
            role=key.role,
            super_admin=key.super_admin,
            expires_at=end if key.expires_at is None else min(end, key.expires_at),
            key_id=key.id,
        )
        await stored_tokens.insert_token(tx, row)
        await entries.record(tx, [entered])
        return LoginSession(fresh, user, organization, None if user is None else user.last_login_at)

    return await house.database.write(open_session)
