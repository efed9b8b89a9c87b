"""The requests of the page that started the project, as printed there."""

import shlex

import httpx
from tests.api.clients import Rest

STATUS = """curl --request GET \\
  --url http://localhost:9000/edge/v1/proc/job/<YOUR_JOB_ID>/status \\
  --header 'Authorization: Bearer <YOUR_TOKEN>' \\
  --header 'Content-Type: application/json' \\
"""
CANCEL = """curl --request POST \\
  --url http://localhost:9000/edge/v1/proc/jobs/cancel \\
  --header 'Authorization: Bearer <YOUR_TOKEN>' \\
  --header 'Content-Type: application/json' \\
  --data '{
    "jobID": "<YOUR_JOB_ID>"
}'
"""
CANCEL_SCHEDULED = """curl --request POST \\
--url http://localhost:9000/edge/v1/proc/jobs/cancel \\
--header 'Authorization: Bearer <YOUR_TOKEN>' \\
--header 'Content-Type: application/json' \\
--data '{
"scheduledJobID": "<YOUR_JOB_ID>"
}'
"""
CANCEL_RANGE = """curl --request POST \\
--url http://localhost:9000/edge/v1/proc/jobs/cancel \\
--header 'Authorization: Bearer <YOUR_TOKEN>' \\
--header 'Content-Type: application/json' \\
--data '{
"organizationID": "<ORG_ID>",
"createdBeforeDateTime": "2022-09-26T16:21:22+00:00",
"createdAfterDateTime": "2022-08-26T16:21:22+00:00"
}'
"""


async def curl(rest: Rest, command: str, job_id: str) -> httpx.Response:
    """Returns the response to a printed curl command, with our own ids."""
    filled = command.replace("<YOUR_JOB_ID>", job_id).replace("<YOUR_TOKEN>", rest.token).replace("<ORG_ID>", "1")
    words = shlex.split(filled.replace("\\\n", " "))[1:]
    options = list(zip(words[::2], words[1::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in options if name == "--header")
    given = dict(options)
    return await rest.client.request(given["--request"], given["--url"], headers=headers, content=given.get("--data"))
