"""Signs users in and creates tokens over REST."""

from typing import Final

from enginehouse.api.edge.identity_shapes import (
    CreateToken,
    Login,
    LoginAnswer,
    NewToken,
    TokenAnswer,
    TokenDetail,
    UserDetail,
)
from enginehouse.api.http.call import Call, Reply, Request, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.spelling import optional
from enginehouse.domain import ids, times
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, NotImplementedYet, excerpt
from enginehouse.domain.identity import User
from enginehouse.operations import accounts, identity
from enginehouse.operations.sessions import LoginRefused

_LOGIN: Final = Body(Login)
_TOKEN: Final = Body(CreateToken)
_KINDS: Final = ("engine_instance", "host", "api", "user")


@answers(LoginAnswer, body=_LOGIN)
async def login(request: Request) -> Reply:
    """POST admin/users/login: the token of a new session. Raises AuthenticationFailed for a wrong name or password."""
    body = await request.body(_LOGIN)
    try:
        session = await identity.login(request.house, body.username, body.password)
    except LoginRefused:
        raise AuthenticationFailed("The user name or the password is wrong.") from None
    if session.user is None:
        raise AuthenticationFailed
    return json(LoginAnswer(token=session.token, result=_user(session.user)))


@answers(TokenAnswer, body=_TOKEN)
async def create_token(call: Call) -> Reply:
    """POST admin/tokens/create: creates an API token. Only this response shows it."""
    body = (await call.body(_TOKEN)).token
    _refuse_what_is_not_kept(body)
    if body.user_id and body.user_id != call.principal.user_id:
        raise InvalidInput("this server makes tokens only for the caller.", "token.userID")
    owners = body.organization_ids or []
    if len(owners) > 1:
        raise InvalidInput(f"at most 1 organization, got {len(owners)}.", "token.organizationIDs")
    principal = await accounts.acting(
        call.house, call.principal, owners[0] if owners else None, "token.organizationIDs[0]"
    )
    issued = await identity.create_token(
        call.house,
        call.principal,
        expires_at=body.expiration * times.SECOND if body.expiration else None,
        as_uuid=True,
        organization_id=principal.organization_id,
    )
    token = issued.token
    created = times.rest(token.created_at)
    return json(
        TokenAnswer(
            result=TokenDetail(
                token_id=issued.secret,
                type="api",
                user_id=token.user_id,
                organization_ids=[ids.organization_uuid(token.organization_id)],
                access_all_organization=False,
                expiration=optional(times.rest, token.expires_at),
                created_date_time=created,
                modified_date_time=created,
            )
        )
    )


def _refuse_what_is_not_kept(token: NewToken) -> None:
    """The token has no field that the server would ignore.

    To ignore a right or a limit would be worse than a refusal.
    """
    if token.type is not None and token.type not in _KINDS:
        raise InvalidInput(f"one of {', '.join(_KINDS)}, got {excerpt(token.type)}.", "token.type")
    if token.type not in {None, "api"}:
        raise NotImplementedYet(f"token.type: this server makes api tokens only, not {token.type}.")
    limits = {
        "accessAllOrganization": token.access_all_organization,
        "hostID": token.host_id,
        "engineInstanceID": token.engine_instance_id,
        "roleIDs": token.role_ids,
        "apiRateLimitHour": token.api_rate_limit_hour,
        "bytesRateLimitHour": token.bytes_rate_limit_hour,
        "taskRateLimitHour": token.task_rate_limit_hour,
        "maxAPI": token.max_api,
        "maxBytes": token.max_bytes,
        "maxTasks": token.max_tasks,
    }
    for name, value in limits.items():
        if value:
            raise NotImplementedYet(f"token.{name}: this server does not limit, widen or bind tokens.")
    if token.expiration is not None and not 0 <= token.expiration < 253_402_300_800:
        raise InvalidInput(f"Unix seconds, 0 for never, got {token.expiration}.", "token.expiration")


def _user(user: User) -> UserDetail:
    owner = ids.organization_uuid(user.organization_id)
    return UserDetail(
        user_id=user.id,
        user_name=user.name,
        display_name=user.display_name,
        email=user.email,
        internal_organization_id=owner,
        organization_ids=[owner],
        access_all_organization=user.super_admin,
        super_admin=user.super_admin,
        status=user.status.value,
        created_date_time=times.rest(user.created_at),
        modified_date_time=times.rest(user.modified_at),
        last_logged_in=optional(times.rest, user.last_login_at),
    )
