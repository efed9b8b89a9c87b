"""One session of a Python client that `openapi-generator` has generated. It prints each result as one line of JSON.

The generated package `edge_client` is on the path. A response that is not as described raises where it is read.
"""

import json
import os
import sys
from pathlib import Path
from uuid import UUID

import edge_client  # type: ignore[import-not-found]

DONE = UUID(os.environ["ENGINEHOUSE_JOB"])
SENTIMENT = os.environ["ENGINEHOUSE_SENTIMENT"]
FILE = Path(os.environ["ENGINEHOUSE_FILE"])
configuration = edge_client.Configuration(
    host=os.environ["ENGINEHOUSE_URL"] + "/edge/v1", api_key={"api_key": os.environ["ENGINEHOUSE_TOKEN"]}
)
client = edge_client.ApiClient(configuration)
process, engines = edge_client.ProcessApi(client), edge_client.EngineApi(client)


def say(name: str, result: object) -> None:
    sys.stdout.write(json.dumps({"name": name, "result": result}) + "\n")


task = edge_client.CreateTaskDetail(engineId=os.environ["ENGINEHOUSE_ENGINE"], taskPayloadJSON='{"a": 1}')
owner = process.get_job_detail(DONE).job.internal_organization_id
wanted = edge_client.CreateJobDetail(internalOrganizationID=owner, tasks=[task])
request = edge_client.CreateJobRequest(jobs=[wanted])
job = UUID(process.create_job(create_job_request=request).internal_job_ids[0])
say("create", str(job))
say("status", process.get_job_status(job).job.job_status)
detail = process.get_job_detail(job).job
say("read", {"id": str(detail.internal_job_id), "payload": detail.tasks[0].task_payload_json})
page = process.get_jobs(limit=1, status="pending")
say("list", [str(one.internal_job_id) for one in page.result])
tasks = process.get_tasks(job_id=str(job), status="pending").result
say("tasks", [{"job": str(one.internal_job_id), "status": one.task_status} for one in tasks])
headers = {"api_key": os.environ["ENGINEHOUSE_TOKEN"], "Content-Type": "application/json"}
cancelled = client.call_api(
    "POST", configuration.host + "/proc/jobs/cancel", header_params=headers, body={"jobID": str(job)}
)
say("cancel", json.loads(cancelled.read()))
say("status", process.get_job_status(job).job.job_status)
deleted = process.delete_job_with_http_info(job, delete_job_request=edge_client.DeleteJobRequest())
say("delete", {"status": deleted.status_code, "body": json.loads(deleted.raw_data)})
try:
    process.get_job_detail(job)
except edge_client.ApiException as refused:
    say("absent", {"status": refused.status, "id": json.loads(refused.body)["id"]})
[output] = process.get_job_outputs(DONE).outputs.outputs
say("outputs", output.size)
say("output", len(process.get_job_output(DONE, output.name).output.contents.encode()))
say("download", len(process.get_job_download_without_preload_content(DONE, output.name).read()))
say("engines", engines.get_engines(limit=1000).count > 5)
say("schedules", process.get_scheduled_jobs().count)
[standard] = engines.get_engine_template(SENTIMENT, "standard").templates
own = edge_client.EngineTemplate(template=standard.template)
say("template", engines.upsert_engine_template(SENTIMENT, "own", engine_template=own).template_name)
upload = engines.create_job_for_engine_with_http_info(
    SENTIMENT, file_name=(FILE.name, FILE.read_bytes()), content_type="text/plain", template_name="own"
)
say("upload", json.loads(upload.raw_data)["internalJobId"])  # it is declared for 204, which can have no body
