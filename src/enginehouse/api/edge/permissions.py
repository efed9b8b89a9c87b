"""Whether a token gives a right, over REST."""

from typing import Final

import msgspec
from msgspec import field

from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import Uuid, answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.domain.errors import InvalidInput, Problem, unknown_word
from enginehouse.domain.identity import Role, rights
from enginehouse.operations import rights as token_rights
from enginehouse.operations.references import not_found

_ACTIONS: Final = ("view", "execute")
PERMISSIONS: Final = frozenset(rights(Role.ADMIN, super_admin=True))


class Question(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`token` is the secret itself. `permissionID` is a right, for example `job.create`."""

    token: str | None = None
    permission_id: str | None = None
    action: str | None = None


class CheckPermission(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    auth: Question


class PermissionVerdict(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """`token` is the id of the token, which is no secret. An invalid token has none."""

    token: Uuid | None = None
    permission_id: str
    action: str | None = None
    allow: bool = field(name="allow")


class PermissionAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: PermissionVerdict


_CHECK: Final = Body(CheckPermission)


@answers(PermissionAnswer, body=_CHECK)
async def check(call: Call) -> Reply:
    """POST admin/auth: whether a token gives a right.

    A right is for one kind of act, so both actions get the same answer.
    """
    body, problems = await call.judged_body(_CHECK)
    question = body.auth
    known = {problem.path for problem in problems}
    if not question.token and "auth.token" not in known:
        problems.append(Problem("auth.token", "must be given."))
    if question.action and question.action not in _ACTIONS:
        problems.append(unknown_word("auth.action", question.action, _ACTIONS))
    if not question.permission_id and "auth.permissionID" not in known:
        problems.append(Problem("auth.permissionID", "must be given, for example job.create."))
    elif question.permission_id and question.permission_id not in PERMISSIONS:
        problems.append(not_found("auth.permissionID", question.permission_id))
    if problems:
        raise InvalidInput(problems)
    right = question.permission_id or ""
    token_id, allow = await token_rights.has(call.house, call.principal, question.token or "", right)
    verdict = PermissionVerdict(
        token=token_id or None, permission_id=right, action=question.action or None, allow=allow
    )
    return json(PermissionAnswer(result=verdict))
