"""What an organization can have: something of every kind, and ids of the same form that name nothing."""

from tests.api.clients import Api
from tests.api.samples import one_of_each, single

from enginehouse.domain import ids
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.work_requests import request_uuid
from enginehouse.operations import bulk_cancels, target_assets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.schedules import launches


async def belongings(api: Api) -> dict[str, str]:
    """Creates something of every kind for the organization. Returns the ids by kind."""
    house, principal = api.house, await api.principal()
    new = AssetRequest(content_type="text/plain", name="a.txt", source=b"secret")
    target = await target_assets.create_with_asset(house, principal, TargetRequest(name="t"), new)
    [asset] = await target_assets.assets(house, principal, Ref.of(target.id))
    job_uuid = await api.edge.create(single() | {"coreRecordingID": str(target.id)})
    await api.edge.run_one(("a.txt", "text/plain", b"secret"), ("b.json", "application/json", b'{"language":"en"}'))
    job_id = ids.parse_job(job_uuid)
    assert job_id is not None
    made = await one_of_each(house, principal)
    await launches.launch_schedule(house, principal, Ref.of(int(made["scheduled"])))
    # Several, for an id that is in no answer by chance.
    [*_, cancelled] = [await bulk_cancels.cancel(house, principal, created_from=1, created_to=2) for _ in range(5)]
    return {
        "bulk": str(cancelled.id),
        **made,
        "job": ids.job_graphql(job_id),
        "jobUUID": job_uuid,
        "task": ids.task_graphql(job_id, 0),
        "taskUUID": ids.task_uuid(job_id, 0),
        "workRequest": request_uuid(job_id, 0, 0),
        "output": "a.txt",
        "target": str(target.id),
        "asset": asset.id,
        "organization": str(principal.organization_id),
        "organizationUUID": ids.organization_uuid(principal.organization_id),
    }


def like_nothing(owned: dict[str, str]) -> dict[str, str]:
    """Well-formed ids of things that are not there."""
    job_id = ids.parse_job(owned["job"])
    assert job_id is not None
    other = job_id - 12_345  # a later one may be taken soon
    return {
        "bulk": str(int(owned["bulk"]) + 1000),
        "act": str(int(owned["act"]) + 1000),
        "job": ids.job_graphql(other),
        "jobUUID": ids.job_uuid(other),
        "task": ids.task_graphql(other, 0),
        "taskUUID": ids.task_uuid(other, 0),
        "workRequest": request_uuid(other, 0, 0),
        "output": "a.txt",
        "target": str(int(owned["target"]) + 1000),
        "asset": f"{int(owned['target']) + 1000}_{owned['asset'].partition('_')[2]}",
        "template": ids.job_graphql(other),
        "templateTask": ids.task_graphql(other, 0),
        "person": "00000000-0000-4000-8000-000000000002",
        "ownEngine": "00000000-0000-4000-8000-000000000003",
        "engineTemplate": "no-such-job",
        "ownPipeline": "no-such-pieces",
        "key": f"{owned['key'][:8]}-0000-4000-8000-000000000005",
        "paused": "00000000-0000-4000-8000-000000000006",
        "deployed": "00000000-0000-4000-8000-000000000007",
        "build": "00000000-0000-4000-8000-000000000004",
        "category": "00000000-0000-4000-8000-000000000000",
        "endpoint": "00000000-0000-4000-8000-00000000000c",
        "event": "00000000-0000-4000-8000-000000000002",
        "export": "00000000-0000-4000-8000-000000000005",
        "subscription": "00000000-0000-4000-8000-000000000003",
        "trigger": "00000000-0000-4000-8000-00000000000a",
        "actionTemplate": "00000000-0000-4000-8000-00000000000b",
        "delivery": "00000000-0000-4000-8000-000000000004",
        "pipeline": ids.pipeline_uuid(987654),
        "source": "987654",
        "scheduled": "987655",
        "scheduledUUID": ids.schedule_uuid(987655),
        "content": "00000000-0000-4000-8000-000000000001",
        "organization": "987654",
        "organizationUUID": ids.organization_uuid(987654),
    }
