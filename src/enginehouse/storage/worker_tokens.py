"""The scopes of tokens for workers in storage: organizations and engines."""

from enginehouse.domain.identity import WorkerScope
from enginehouse.storage.database.database import Tx


async def put(tx: Tx, token_id: str, scope: WorkerScope) -> None:
    """Stores the scope of a new token."""
    await tx.run(
        "worker_tokens.put",
        token_id=token_id,
        any_organization=int(scope.organizations is None),
        any_engine=int(scope.engines is None),
    )
    await tx.many("worker_tokens.put_organizations", [(token_id, each) for each in sorted(scope.organizations or ())])
    await tx.many("worker_tokens.put_engines", [(token_id, each) for each in sorted(scope.engines or ())])


async def scope(tx: Tx, token_id: str) -> WorkerScope:
    """Returns the scope of the token. One that has none stored may take nothing."""
    rows = await tx.all("worker_tokens.scope", token_id=token_id)
    any_organization, any_engine = rows[0] if rows else (0, 0)
    organizations = await tx.all("worker_tokens.organizations", token_id=token_id)
    engines = await tx.all("worker_tokens.engines", token_id=token_id)
    return WorkerScope(
        None if any_organization else frozenset(each for (each,) in organizations),
        None if any_engine else frozenset(each for (each,) in engines),
    )
