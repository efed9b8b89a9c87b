"""Shares, limits and pauses."""

from typing import Literal

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

Noun = Literal["jobs", "schedules", "engines", "organizations"]


def pause(client: ServerConnection, noun: Noun, name: str) -> Json:
    """Nothing more of the job, schedule, engine or organization starts. Returns it. Raises RequestFailed."""
    paused: Json = client.rest("POST", v1(noun, name, "pause"), {})["result"]
    return paused


def resume(client: ServerConnection, noun: Noun, name: str) -> Json:
    """The pause is over. Returns the job, schedule, engine or organization. Raises RequestFailed."""
    resumed: Json = client.rest("POST", v1(noun, name, "resume"), {})["result"]
    return resumed


def set_organization(client: ServerConnection, name: str, changes: Json) -> Json:
    """The organization has this share of the server. Returns it. Raises RequestFailed.

    `changes`: weight, and runningLimit, where None means no limit. Absent fields stay as they are.
    """
    organization: Json = client.rest("PATCH", v1("organizations", name), changes)["result"]
    return organization


def limit_engine(client: ServerConnection, name: str, limit: int | None) -> Json:
    """At most `limit` attempts of the engine run at once; None means any number. Returns the engine.

    Raises RequestFailed.
    """
    engine: Json = client.rest("PATCH", v1("engines", name), {"runningLimit": limit})["result"]
    return engine
