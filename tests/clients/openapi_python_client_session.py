"""One session of a client that `openapi-python-client` has generated. It prints each result as one line of JSON.

The generated package `edge_client` is on the path. A response that is not as described raises where it is read.
"""

import json
import os
import sys
from pathlib import Path
from uuid import UUID

from edge_client import AuthenticatedClient  # type: ignore[import-not-found]
from edge_client.api.engine import (  # type: ignore[import-not-found]
    create_job_for_engine,
    get_engine_template,
    get_engines,
    upsert_engine_template,
)
from edge_client.api.process import (  # type: ignore[import-not-found]
    create_job,
    delete_job,
    get_job_detail,
    get_job_download,
    get_job_output,
    get_job_outputs,
    get_job_status,
    get_jobs,
    get_scheduled_jobs,
    get_tasks,
)
from edge_client.models.create_job_detail import CreateJobDetail  # type: ignore[import-not-found]
from edge_client.models.create_job_for_engine_request import (  # type: ignore[import-not-found]
    CreateJobForEngineRequest,
)
from edge_client.models.create_job_request import CreateJobRequest  # type: ignore[import-not-found]
from edge_client.models.create_task_detail import CreateTaskDetail  # type: ignore[import-not-found]
from edge_client.models.delete_job_request import DeleteJobRequest  # type: ignore[import-not-found]
from edge_client.models.engine_template import EngineTemplate  # type: ignore[import-not-found]
from edge_client.models.job_status_enum import JobStatusEnum  # type: ignore[import-not-found]
from edge_client.models.task_status_enum import TaskStatusEnum  # type: ignore[import-not-found]
from edge_client.types import File  # type: ignore[import-not-found]

DONE = UUID(os.environ["ENGINEHOUSE_JOB"])
SENTIMENT = os.environ["ENGINEHOUSE_SENTIMENT"]
FILE = Path(os.environ["ENGINEHOUSE_FILE"])
client = AuthenticatedClient(
    base_url=os.environ["ENGINEHOUSE_URL"] + "/edge/v1", token=os.environ["ENGINEHOUSE_TOKEN"],
    prefix="", auth_header_name="api_key", raise_on_unexpected_status=False,
)  # fmt: skip


def say(name: str, result: object) -> None:
    sys.stdout.write(json.dumps({"name": name, "result": result}) + "\n")


task = CreateTaskDetail(engine_id=os.environ["ENGINEHOUSE_ENGINE"], task_payload_json='{"a": 1}')
owner = get_job_detail.sync(DONE, client=client).job.internal_organization_id
wanted = CreateJobDetail(internal_organization_id=owner, tasks=[task])
created = create_job.sync(client=client, body=CreateJobRequest(jobs=[wanted]))
job = UUID(created.internal_job_ids[0])
say("create", str(job))
say("status", get_job_status.sync(job, client=client).job.job_status)
detail = get_job_detail.sync(job, client=client).job
say("read", {"id": str(detail.internal_job_id), "payload": detail.tasks[0].task_payload_json})
page = get_jobs.sync(client=client, limit=1, status=JobStatusEnum.PENDING)
say("list", [str(one.internal_job_id) for one in page.result])
tasks = get_tasks.sync(client=client, job_id=str(job), status=TaskStatusEnum.PENDING).result
say("tasks", [{"job": str(one.internal_job_id), "status": one.task_status} for one in tasks])
http = client.get_httpx_client()
say("cancel", http.post("/proc/jobs/cancel", json={"jobID": str(job)}).raise_for_status().json())
say("status", get_job_status.sync(job, client=client).job.job_status)
deleted = delete_job.sync_detailed(job, client=client, body=DeleteJobRequest())
say("delete", {"status": deleted.status_code, "body": json.loads(deleted.content)})
absent = get_job_detail.sync_detailed(job, client=client)
say("absent", {"status": absent.status_code, "id": absent.parsed.id})
[output] = get_job_outputs.sync(DONE, client=client).outputs.outputs
say("outputs", output.size)
say("output", len(get_job_output.sync(DONE, output.name, client=client).output.contents.encode()))
say("download", len(get_job_download.sync_detailed(DONE, output.name, client=client).content))
say("engines", get_engines.sync(client=client, limit=1000).count > 5)
say("schedules", get_scheduled_jobs.sync(client=client).count)
[standard] = get_engine_template.sync(SENTIMENT, "standard", client=client).templates
own = EngineTemplate(template=standard.template)
say("template", upsert_engine_template.sync(SENTIMENT, "own", client=client, body=own).template_name)
with FILE.open("rb") as opened:
    file = File(opened, FILE.name, "text/plain")
    form = CreateJobForEngineRequest(file_name=file, template_name="own")
    upload = create_job_for_engine.sync_detailed(SENTIMENT, client=client, body=form)
say("upload", json.loads(upload.content)["internalJobId"])  # it is declared for 204, which can have no body
