"""Tokens for workers: for the work of some organizations and engines, and for nothing else."""

import pytest
from tests import make
from tests.operations.people import arrive

from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, NotAllowed
from enginehouse.domain.identity import Principal, Role, TokenKind, TokenRequest, WorkerScope
from enginehouse.operations import identity, jobs, rights, token_changes, worker_tokens
from enginehouse.operations.house import House
from enginehouse.operations.permission import require, require_worker
from enginehouse.storage.database.database import Database


async def bound(house: House, who: Principal, **given: list[str] | None) -> WorkerScope | None:
    """Returns the scope of a new token, as its holder has it."""
    issued = await worker_tokens.create(
        house, who, organizations=given.get("organizations"), engine_names=given.get("engines")
    )
    assert issued.token.kind is TokenKind.WORKER
    holder = await identity.authenticate(house, issued.secret)
    assert (holder.role, holder.super_admin, holder.user_id) == (Role.READER, False, None)
    assert [one.worker for one in await identity.list_tokens(house, who) if one.id == holder.token_id] == [
        holder.worker
    ]
    return holder.worker


async def test_only_the_administrator_of_the_server_makes_one_for_everybody(ready: House) -> None:
    people = await arrive(ready)
    assert await bound(ready, people.super_admin) == WorkerScope(None, None)
    assert await bound(ready, people.super_admin, organizations=["1", "2"], engines=["noop"]) == WorkerScope(
        frozenset({1, 2}), frozenset({"noop"})
    )
    assert await bound(ready, people.admin) == WorkerScope(frozenset({people.admin.organization_id}), None)
    assert await bound(ready, people.stranger) == WorkerScope(frozenset({people.stranger.organization_id}), None)
    for who in (people.user, people.reader):
        with pytest.raises(NotAllowed):
            await worker_tokens.create(ready, who)


async def test_everything_that_is_wrong_is_said_at_once(ready: House) -> None:
    people = await arrive(ready)
    with pytest.raises(InvalidInput) as refused:
        await worker_tokens.create(
            ready, people.stranger, organizations=["1", "99"], engine_names=["nothing"], name="x" * 256
        )
    assert [problem.path for problem in refused.value.problems] == [
        "worker.organizationIDs[0]",
        "worker.organizationIDs[1]",
        "name",
        "worker.engineIDs[0]",
    ]
    assert all(one.kind is not TokenKind.WORKER for one in await identity.list_tokens(ready, people.stranger))


async def test_it_opens_nothing_else(ready: House) -> None:
    people = await arrive(ready)
    issued = await worker_tokens.create(ready, people.super_admin)
    holder = await identity.authenticate(ready, issued.secret)
    assert require_worker(holder) == WorkerScope()
    with pytest.raises(NotAllowed):
        require_worker(people.super_admin)
    with pytest.raises(NotAllowed):
        require(holder, Role.READER)
    with pytest.raises(NotAllowed):
        await jobs.create(ready, holder, [make.independent(1)])
    with pytest.raises(AuthenticationFailed):
        await identity.validate_token(ready, issued.secret)
    with pytest.raises(InvalidInput):
        await identity.refresh_token(ready, issued.secret)
    assert rights.of(holder) == []


async def test_it_is_revoked_and_never_changed(ready: House, database: Database) -> None:
    people = await arrive(ready)
    issued = await worker_tokens.create(ready, people.admin)
    with pytest.raises(InvalidInput, match="token for workers"):
        await token_changes.update(ready, people.admin, issued.token.id, TokenRequest(role=Role.READER))
    await identity.revoke_token(ready, people.admin, issued.token.id)
    with pytest.raises(AuthenticationFailed):
        await identity.authenticate(ready, issued.secret)
