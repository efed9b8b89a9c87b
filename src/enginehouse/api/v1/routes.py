"""Our own REST interface, `/api/v1`: it assigns a handler to each path."""

from collections.abc import Callable
from typing import Final

from enginehouse.api.auth import authenticate, authenticate_worker
from enginehouse.api.http import openapi
from enginehouse.api.http.call import Handler, OpenHandler
from enginehouse.api.http.interface import ForAnybody, ForCallers, ForWorkers, Interface, Operations
from enginehouse.api.http.json.schema import Schema
from enginehouse.api.http.paths import Paths
from enginehouse.api.v1 import (
    accounts,
    assets,
    attempt_bytes,
    attempts,
    audit,
    bulk_acts,
    bulk_cancels,
    engine_categories,
    engine_reload,
    engines,
    events,
    instances,
    job_results,
    jobs,
    limits,
    overview,
    pipelines,
    remote_engines,
    schedules,
    task_items,
    webhooks,
    why,
    worker_drains,
)
from enginehouse.operations.house import House

BASE: Final = "/api/v1"
# The texts of this interface, by their names.
_FORMATS: Final = {r"\w*DateTime": "date-time", r"internal\w+ID|\w+Uuid": "uuid"}


def description() -> Schema:
    """Returns the OpenAPI document of this interface."""
    rows = [openapi.ServedOperation(*row) for row in (*_SERVED, *_FOR_WORKERS)] + [
        openapi.ServedOperation(*row, True) for row in _OPEN
    ]
    return openapi.document("Enginehouse: its own REST interface", BASE, rows, _FORMATS)


_SERVED: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/asset/{AssetID}/content", assets.content),
    ("GET", "/jobs", jobs.list_jobs),
    ("GET", "/jobs/{JobID}", jobs.get),
    ("GET", "/tasks/{TaskID}", jobs.get_task),
    ("POST", "/templates/{TemplateID}/launch", jobs.launch_template),
    ("POST", "/jobs/{JobID}/retry", attempts.retry),
    ("GET", "/jobs/{JobID}/tasks/{Ordinal}/attempts", attempts.list_attempts),
    ("GET", "/jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log", attempts.log),
    ("GET", "/jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log/part", attempts.log_part),
    ("GET", "/jobs/{JobID}/tasks/{Ordinal}/items", task_items.list_items),
    ("GET", "/jobs/{JobID}/attempts", attempts.list_of_job),
    ("GET", "/jobs/{JobID}/results", job_results.results),
    ("GET", "/jobs/{JobID}/why", why.of_job),
    ("GET", "/tasks/{TaskID}/why", why.of_task),
    ("GET", "/workers", why.list_workers),
    ("POST", "/workers/{WorkerID}/drain", worker_drains.drain),
    ("POST", "/workers/{WorkerID}/resume", worker_drains.resume),
    ("GET", "/jobs/{JobID}/events", events.list_events),
    ("GET", "/jobs/{JobID}/events/stream", events.stream),
    ("POST", "/jobs/cancel", bulk_cancels.cancel),
    ("GET", "/bulk-cancels/{BulkCancelID}", bulk_cancels.progress),
    ("POST", "/bulk-acts/plan", bulk_acts.plan),
    ("POST", "/bulk-acts", bulk_acts.start),
    ("GET", "/bulk-acts", bulk_acts.list_acts),
    ("GET", "/bulk-acts/{BulkActID}", bulk_acts.get),
    ("POST", "/bulk-acts/{BulkActID}/undo", bulk_acts.undo),
    ("GET", "/audit", audit.list_entries),
    ("GET", "/overview", overview.get),
    ("GET", "/overview/rates", overview.rates),
    ("GET", "/overview/stream", overview.stream),
    ("GET", "/engine-numbers", overview.of_engines),
    ("GET", "/pipelines", pipelines.list_pipelines),
    ("GET", "/pipelines/{PipelineName}", pipelines.get),
    ("PUT", "/pipelines/{PipelineName}", pipelines.put),
    ("DELETE", "/pipelines/{PipelineName}", pipelines.delete),
    ("POST", "/pipelines/{PipelineName}/plan", pipelines.plan),
    ("POST", "/pipelines/{PipelineName}/jobs", pipelines.create_job),
    ("GET", "/schedules", schedules.list_schedules),
    ("POST", "/schedules", schedules.create),
    ("POST", "/schedules/explain", schedules.explain_unsaved),
    ("GET", "/schedules/{ScheduleID}", schedules.get),
    ("PATCH", "/schedules/{ScheduleID}", schedules.update),
    ("DELETE", "/schedules/{ScheduleID}", schedules.delete),
    ("POST", "/schedules/{ScheduleID}/pause", schedules.pause),
    ("POST", "/schedules/{ScheduleID}/resume", schedules.resume),
    ("POST", "/schedules/{ScheduleID}/run", schedules.run),
    ("GET", "/schedules/{ScheduleID}/preview", schedules.preview),
    ("GET", "/schedules/{ScheduleID}/explain", schedules.explain),
    ("GET", "/schedules/{ScheduleID}/slots", schedules.slots),
    ("GET", "/organizations", accounts.list_organizations),
    ("POST", "/organizations", accounts.create_organization),
    ("PATCH", "/organizations/{OrganizationID}", limits.set_organization),
    ("POST", "/organizations/{OrganizationID}/pause", limits.pause_organization),
    ("POST", "/organizations/{OrganizationID}/resume", limits.resume_organization),
    ("GET", "/engine-categories", engine_categories.list_categories),
    ("POST", "/engine-categories", engine_categories.create),
    ("GET", "/engine-categories/{EngineCategoryID}", engine_categories.get),
    ("PATCH", "/engine-categories/{EngineCategoryID}", engine_categories.update),
    ("DELETE", "/engine-categories/{EngineCategoryID}", engine_categories.delete),
    ("GET", "/engine-reload", engine_reload.get),
    ("POST", "/engine-reload", engine_reload.start),
    ("POST", "/engines", engines.add),
    ("GET", "/engines/{EngineID}", engines.get),
    ("PATCH", "/engines/{EngineID}", limits.limit_engine),
    ("DELETE", "/engines/{EngineID}", engines.delete),
    ("POST", "/engines/{EngineID}/pause", limits.pause_engine),
    ("POST", "/engines/{EngineID}/resume", limits.resume_engine),
    ("POST", "/jobs/{JobID}/pause", limits.pause_job),
    ("POST", "/jobs/{JobID}/resume", limits.resume_job),
    ("POST", "/users", accounts.create_user),
    ("POST", "/users/password", accounts.set_password),
    ("GET", "/tokens", accounts.list_tokens),
    ("POST", "/tokens", accounts.create_token),
    ("POST", "/tokens/revoke", accounts.revoke_token),
    ("GET", "/webhooks/deliveries", webhooks.list_deliveries),
    ("GET", "/webhooks/deliveries/{DeliveryID}", webhooks.get),
    ("POST", "/webhooks/deliveries/{DeliveryID}/redeliver", webhooks.redeliver),
    ("POST", "/webhooks/subscriptions/{SubscriptionID}/redeliver", webhooks.redeliver_all),
    ("POST", "/webhooks/secret/rotate", webhooks.rotate_secret),
    ("POST", "/webhooks/subscriptions/{SubscriptionID}/secret/rotate", webhooks.rotate_subscription_secret),
)
_FOR_WORKERS: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("POST", "/instances", instances.register),
    ("POST", "/instances/{InstanceID}/exchange", instances.exchange_),
    ("POST", "/instances/{InstanceID}/wait", instances.wait),
    ("GET", "/instances/{InstanceID}/demand", instances.demand),
    ("POST", "/instances/{InstanceID}/terminate", instances.terminate),
    ("GET", "/instances/{InstanceID}/engines/{EngineID}", remote_engines.get),
    ("POST", "/instances/{InstanceID}/engines/{EngineID}/health", remote_engines.record_health),
    ("POST", "/instances/{InstanceID}/probes", remote_engines.take_probes),
    ("GET", "/instances/{InstanceID}/items/{LeaseID}/call", remote_engines.call_facts),
    ("POST", "/instances/{InstanceID}/items/{LeaseID}/info", remote_engines.tell),
    ("GET", "/instances/{InstanceID}/items/{LeaseID}/artifacts", attempt_bytes.list_artifacts),
    ("GET", "/instances/{InstanceID}/items/{LeaseID}/artifacts/{ArtifactID}", attempt_bytes.artifact),
    ("GET", "/instances/{InstanceID}/items/{LeaseID}/primary-asset", attempt_bytes.primary_asset),
    ("GET", "/instances/{InstanceID}/items/{LeaseID}/primary-asset/content", attempt_bytes.primary_content),
    ("PUT", "/instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}", attempt_bytes.put_output),
    ("POST", "/instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}/address", attempt_bytes.output_address),
    ("POST", "/instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}/stored", attempt_bytes.store_output),
    ("POST", "/instances/{InstanceID}/items/{LeaseID}/assets", attempt_bytes.create_asset),
    ("PUT", "/instances/{InstanceID}/items/{LeaseID}/log", attempt_bytes.append_log),
)
_OPEN: Final[tuple[tuple[str, str, OpenHandler], ...]] = (("GET", "/openapi.json", openapi.publication(description)),)


def interface(house: Callable[[], House]) -> Interface:
    """Returns the application for `/api/v1`, with the envelopes and refusals of the public REST interface."""
    return Interface(
        house, authenticate, base=BASE, operations=operations(), own=True, authenticate_worker=authenticate_worker
    )


def operations() -> Operations:
    """Returns every operation of our own interface."""
    paths: Operations = Paths()
    for method, template, handler in _SERVED:
        paths.add(method, template, ForCallers(handler))
    for method, template, handler in _FOR_WORKERS:
        paths.add(method, template, ForWorkers(handler))
    for method, template, open_handler in _OPEN:
        paths.add(method, template, ForAnybody(open_handler))
    return paths
