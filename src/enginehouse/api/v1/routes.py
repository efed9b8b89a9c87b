"""Our own REST interface, `/api/v1`: it assigns a handler to each path."""

from collections.abc import Callable
from typing import Final

from enginehouse.api.auth import authenticate
from enginehouse.api.http.interface import ForCallers, Interface, Operations
from enginehouse.api.http.paths import Paths
from enginehouse.api.v1 import (
    accounts,
    assets,
    attempts,
    audit,
    bulk_cancels,
    engine_categories,
    events,
    limits,
    schedules,
    webhooks,
    why,
)
from enginehouse.operations.house import House

BASE: Final = "/api/v1"


def interface(house: Callable[[], House]) -> Interface:
    """Returns the application for `/api/v1`, with the envelopes and refusals of the public REST interface."""
    return Interface(house, authenticate, base=BASE, operations=operations(), own=True)


def operations() -> Operations:
    """Returns every operation of our own interface."""
    paths: Operations = Paths()
    paths.add("GET", "/asset/{AssetID}/content", ForCallers(assets.content))
    paths.add("POST", "/jobs/{JobID}/retry", ForCallers(attempts.retry))
    paths.add("GET", "/jobs/{JobID}/tasks/{Ordinal}/attempts", ForCallers(attempts.list_attempts))
    paths.add("GET", "/jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log", ForCallers(attempts.log))
    paths.add("GET", "/jobs/{JobID}/why", ForCallers(why.of_job))
    paths.add("GET", "/tasks/{TaskID}/why", ForCallers(why.of_task))
    paths.add("GET", "/workers", ForCallers(why.list_workers))
    paths.add("GET", "/jobs/{JobID}/events", ForCallers(events.list_events))
    paths.add("GET", "/jobs/{JobID}/events/stream", ForCallers(events.stream))
    paths.add("POST", "/jobs/cancel", ForCallers(bulk_cancels.cancel))
    paths.add("GET", "/bulk-cancels/{BulkCancelID}", ForCallers(bulk_cancels.progress))
    paths.add("GET", "/audit", ForCallers(audit.list_entries))
    paths.add("GET", "/schedules", ForCallers(schedules.list_schedules))
    paths.add("POST", "/schedules", ForCallers(schedules.create))
    paths.add("POST", "/schedules/explain", ForCallers(schedules.explain_unsaved))
    paths.add("GET", "/schedules/{ScheduleID}", ForCallers(schedules.get))
    paths.add("PATCH", "/schedules/{ScheduleID}", ForCallers(schedules.update))
    paths.add("DELETE", "/schedules/{ScheduleID}", ForCallers(schedules.delete))
    paths.add("POST", "/schedules/{ScheduleID}/pause", ForCallers(schedules.pause))
    paths.add("POST", "/schedules/{ScheduleID}/resume", ForCallers(schedules.resume))
    paths.add("POST", "/schedules/{ScheduleID}/run", ForCallers(schedules.run))
    paths.add("GET", "/schedules/{ScheduleID}/preview", ForCallers(schedules.preview))
    paths.add("GET", "/schedules/{ScheduleID}/explain", ForCallers(schedules.explain))
    paths.add("GET", "/schedules/{ScheduleID}/slots", ForCallers(schedules.slots))
    paths.add("GET", "/organizations", ForCallers(accounts.list_organizations))
    paths.add("POST", "/organizations", ForCallers(accounts.create_organization))
    paths.add("PATCH", "/organizations/{OrganizationID}", ForCallers(limits.set_organization))
    paths.add("POST", "/organizations/{OrganizationID}/pause", ForCallers(limits.pause_organization))
    paths.add("POST", "/organizations/{OrganizationID}/resume", ForCallers(limits.resume_organization))
    paths.add("GET", "/engine-categories", ForCallers(engine_categories.list_categories))
    paths.add("POST", "/engine-categories", ForCallers(engine_categories.create))
    paths.add("GET", "/engine-categories/{EngineCategoryID}", ForCallers(engine_categories.get))
    paths.add("PATCH", "/engine-categories/{EngineCategoryID}", ForCallers(engine_categories.update))
    paths.add("DELETE", "/engine-categories/{EngineCategoryID}", ForCallers(engine_categories.delete))
    paths.add("PATCH", "/engines/{EngineID}", ForCallers(limits.limit_engine))
    paths.add("POST", "/engines/{EngineID}/pause", ForCallers(limits.pause_engine))
    paths.add("POST", "/engines/{EngineID}/resume", ForCallers(limits.resume_engine))
    paths.add("POST", "/jobs/{JobID}/pause", ForCallers(limits.pause_job))
    paths.add("POST", "/jobs/{JobID}/resume", ForCallers(limits.resume_job))
    _add_webhooks(paths)
    paths.add("POST", "/users", ForCallers(accounts.create_user))
    paths.add("POST", "/users/password", ForCallers(accounts.set_password))
    paths.add("GET", "/tokens", ForCallers(accounts.list_tokens))
    paths.add("POST", "/tokens", ForCallers(accounts.create_token))
    paths.add("POST", "/tokens/revoke", ForCallers(accounts.revoke_token))
    return paths


def _add_webhooks(paths: Operations) -> None:
    paths.add("GET", "/webhooks/deliveries", ForCallers(webhooks.list_deliveries))
    paths.add("GET", "/webhooks/deliveries/{DeliveryID}", ForCallers(webhooks.get))
    paths.add("POST", "/webhooks/deliveries/{DeliveryID}/redeliver", ForCallers(webhooks.redeliver))
    paths.add("POST", "/webhooks/secret/rotate", ForCallers(webhooks.rotate_secret))
    paths.add(
        "POST",
        "/webhooks/subscriptions/{SubscriptionID}/secret/rotate",
        ForCallers(webhooks.rotate_subscription_secret),
    )
