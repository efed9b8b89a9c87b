"""Tokens for workers: each is for the work of some organizations and some engines, and for nothing else."""

from collections.abc import Sequence
from dataclasses import replace

from enginehouse.domain.errors import MalformedId, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal, Role, Token, TokenKind, WorkerScope
from enginehouse.operations import accounts, bounds, engines, token_checks, tokens
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import is_super_admin, require
from enginehouse.operations.references import not_found
from enginehouse.operations.sessions import IssuedToken
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage import worker_tokens
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


@trail.mutation("createToken", "Token")
async def create(
    house: House,
    principal: Principal,
    *,
    organizations: Sequence[str | int] | None = None,
    engine_names: Sequence[str] | None = None,
    name: str | None = None,
    expires_at: int | None = None,
    as_uuid: bool = False,
    path: str = "worker.",
    known_problems: Sequence[Problem] = (),
) -> IssuedToken:
    """Creates a token of the caller's organization for workers. Its secret is in the result and nowhere else.

    A super administrator binds it to any organizations, or to all of them with None; another administrator's token is
    for the own organization. `engine_names`: None for every engine. Raises NotAllowed, and InvalidInput, also for
    unknown organizations and engines; their paths begin with `path`.
    """
    require(principal, Role.ADMIN)
    token_checks.refuse_limited(principal)
    owners, problems = await _organizations(house, principal, organizations, path)
    problems += bounds.text("name", name, longest=bounds.LONGEST_NAME)
    chosen = None if not engine_names else [engines.find(house, principal, each) for each in engine_names]
    problems += [
        not_found(f"{path}engineIDs[{number}]", text)
        for number, (text, engine) in enumerate(zip(engine_names or (), chosen or (), strict=True))
        if engine is None
    ]
    bounds.refuse(problems, known_problems)
    scope = WorkerScope(
        owners, None if chosen is None else frozenset(engine.spec.id for engine in chosen if engine is not None)
    )
    secret = tokens.new_uuid() if as_uuid else tokens.new_key()
    row = tokens.row(
        secret,
        organization_id=principal.organization_id,
        user_id=None,  # it outlives the person who created it
        kind=TokenKind.WORKER,
        role=Role.READER,
        name=name,
        expires_at=expires_at,
    )
    entry = trail.entry(principal, "createToken", object_type="Token", object_id=row.id)

    async def issue(tx: Tx) -> Token:
        bounds.refuse(token_checks.expiry_problems(tx.now, expires_at))
        await entries.record(tx, [entry])
        token = await stored_tokens.insert_token(tx, row)
        await worker_tokens.put(tx, token.id, scope)
        return replace(token, worker=scope)

    return IssuedToken(secret, await house.database.write(issue))


async def _organizations(
    house: House, principal: Principal, named: Sequence[str | int] | None, path: str
) -> tuple[frozenset[int] | None, list[Problem]]:
    if not named:
        if is_super_admin(principal):
            return None, []
        return frozenset([principal.organization_id]), []
    found, problems = set[int](), list[Problem]()
    for number, text in enumerate(named):
        place = f"{path}organizationIDs[{number}]"
        try:
            found.add((await accounts.acting(house, principal, text, place)).organization_id)
        except MalformedId as wrong:
            problems.append(Problem(place, f"{wrong.forms}, got {excerpt(text)}.", excerpt(text), wrong.forms))
        except NotFound:
            problems.append(not_found(place, str(text)[:80]))
    return frozenset(found), problems
