"""Opens what a server keeps: its database, the store of its bytes, its secret key, and the house on them."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog

from enginehouse.domain.secret_key import SecretKey
from enginehouse.operations import secret_key, storage_clock, store_identity
from enginehouse.operations.house import House, Limits
from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.server import artifact_store, database_file
from enginehouse.server import secret_key as secret_key_file
from enginehouse.settings import Settings
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

_log: Final = structlog.get_logger(__name__)
_DAY: Final = 86_400


async def open_house(settings: Settings, closing: AsyncExitStack) -> House:
    """Returns the house of these settings. `closing` stores what it still holds, and closes it."""
    place = settings.database_place or database_file.EMBEDDED
    await asyncio.to_thread(database_file.check_place, settings.data, place)
    database = await open_database(settings)
    closing.push_async_callback(database.close)
    advice = (await storage_clock.inspect(database)).advice
    if advice is not None:
        _log.error("the storage clock is ahead", advice=advice)
    local, cache_bytes = settings.data / "artifacts-local", settings.artifacts_cache_mb << 20
    bind = partial(store_identity.bind, database)
    store, database_id = await closing.enter_async_context(
        artifact_store.opened(bind, artifacts_place(settings), local, cache_bytes=cache_bytes)
    )
    former = await store_identity.former(database)
    await asyncio.to_thread(database_file.bind, settings.data, place, database_id, former)
    key = await _secret_key(settings, database)
    limits = Limits(
        lease_seconds=settings.lease_seconds,
        retention_seconds=settings.retention_days * _DAY,
        idempotency_seconds=settings.idempotency_days * _DAY,
        audit_retention_seconds=settings.audit_retention_days * _DAY,
        token_requests=settings.token_requests,
        organization_requests=settings.organization_requests,
        signed_url_seconds=settings.signed_url_seconds,
        signed_upload_bytes=settings.signed_upload_mb << 20,
        export_seconds=settings.export_days * _DAY,
        batches=settings.batches,
        private_urls=settings.allow_private_urls,
        redirect=settings.artifacts_redirect,
    )
    house = House.build(database, store, limits, key)
    looks = GuardedClient(allow_private=settings.allow_private_urls)
    house.looks.fetch = looks.fetch
    for close in (
        looks.aclose,
        house.watches.close,
        house.feeds.close,
        house.push_waits.close,
        house.token_usage.store,
        house.token_uses.store,
        house.creates.close,
        house.cancels.close,
        house.finishes.close,
        house.remote_claims.close,
        house.refusals.close,
    ):
        closing.push_async_callback(close)
    return house


def artifacts_place(settings: Settings) -> str:
    """Returns the place of the bytes."""
    return settings.artifacts or str(settings.data / "artifacts")


async def _secret_key(settings: Settings, database: Database) -> SecretKey:
    """Returns the secret key from the environment or the data folder, which gets one at the first start."""
    found: SecretKey | None
    if settings.secret_key:
        found, place = secret_key_file.given(settings.secret_key), secret_key_file.VARIABLE
    else:
        place, found = str(settings.data / secret_key_file.FILE), secret_key_file.read(settings.data)
    if found is None and not await secret_key.is_bound(database):  # a new key is only for a new database
        found = await asyncio.to_thread(secret_key_file.make, settings.data)
    # A server that starts beside this one on the folder writes its key before it binds it.
    return await secret_key.bind(database, found or secret_key_file.read(settings.data), place)


async def open_database(settings: Settings) -> Database:
    """Returns the database that these settings name, migrated and checked."""
    if settings.database is not None:
        return await PostgresDatabase.open(
            settings.database,
            read_seconds=settings.database_read_seconds,
            write_seconds=settings.database_write_seconds,
            allow_unsafe_durability=settings.allow_unsafe_durability,
        )
    return await SqliteDatabase.open(settings.data / "enginehouse.db")
