"""Signs users in and creates tokens over REST."""

from collections.abc import Sequence
from typing import Final

from enginehouse.api.edge.identity_shapes import CreateToken, Login, LoginAnswer, NewToken
from enginehouse.api.edge.problem_paths import within
from enginehouse.api.edge.roles import given_role
from enginehouse.api.edge.tokens import WORDS, WORKER, TokenResult, given_quota, refuse_unkept_fields, token_detail
from enginehouse.api.edge.users import user_detail
from enginehouse.api.http.call import Call, Reply, Request, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.spelling import read_json_text
from enginehouse.domain import times
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, NotAllowed, Problem, excerpt
from enginehouse.operations import accounts, identity, worker_tokens
from enginehouse.operations.permission import is_super_admin
from enginehouse.operations.sessions import LoginRefused

_LOGIN: Final = Body(Login)
_TOKEN: Final = Body(CreateToken)


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
    return json(LoginAnswer(token=session.token, result=user_detail(session.user)))


@answers(TokenResult, body=_TOKEN)
async def create_token(call: Call) -> Reply:
    """POST admin/tokens/create: creates an API token, or one for workers. Only this response shows it."""
    body, problems = await call.judged_body(_TOKEN)
    new = body.token
    refuse_unkept_fields(new, problems)
    if new.type == WORKER:
        return await _create_for_workers(call, new, problems)
    if new.user_id and new.user_id != call.principal.user_id:
        raise InvalidInput("this server makes tokens only for the caller.", "token.userID")
    owners = new.organization_ids or []
    if len(owners) > 1:
        raise InvalidInput(f"at most 1 organization, got {len(owners)}.", "token.organizationIDs")
    principal = await accounts.acting(
        call.house, call.principal, owners[0] if owners else None, "token.organizationIDs[0]"
    )
    with within("token", WORDS):
        issued = await identity.create_token(
            call.house,
            call.principal,
            expires_at=new.expiration * times.SECOND if new.expiration else None,
            as_uuid=True,
            organization_id=principal.organization_id,
            role=given_role(new.role_ids, "token.roleIDs", problems),
            jsondata=read_json_text(new.kvp_json, "token.kvpJSON", problems),
            quota=given_quota(new),
            known_problems=problems,
        )
    return json(TokenResult(result=token_detail(issued.token, issued.secret)))


async def _create_for_workers(call: Call, new: NewToken, problems: Sequence[Problem]) -> Reply:
    """Creates a token for workers. With `accessAllOrganization` it is for all organizations, else for those named."""
    given = {
        "userID": new.user_id,
        "roleIDs": new.role_ids,
        "kvpJSON": new.kvp_json,
        **{name: getattr(given_quota(new), field) for field, name in WORDS.items() if field != "jsondata"},
    }
    problems = [
        *problems,
        *(
            Problem(f"token.{name}", f"an {WORKER} token has none.", excerpt(value))
            for name, value in given.items()
            if value
        ),
    ]
    everywhere = bool(new.access_all_organization)
    if everywhere and new.organization_ids:
        problems.append(Problem("token.organizationIDs", "not together with accessAllOrganization."))
    if everywhere and not is_super_admin(call.principal):
        raise NotAllowed
    with within("token", WORDS):
        issued = await worker_tokens.create(
            call.house,
            call.principal,
            organizations=None if everywhere else new.organization_ids or [str(call.principal.organization_id)],
            expires_at=new.expiration * times.SECOND if new.expiration else None,
            as_uuid=True,
            path="",
            known_problems=problems,
        )
    return json(TokenResult(result=token_detail(issued.token, issued.secret)))
