"""A client that `openapi-python-client` has generated from our own description lists the jobs."""

import json
import os
import sys

from edge_client import AuthenticatedClient  # type: ignore[import-not-found]
from edge_client.api.jobs import jobs_list_jobs  # type: ignore[import-not-found]

address = os.environ["ENGINEHOUSE_URL"] + os.environ["ENGINEHOUSE_BASE"]
client = AuthenticatedClient(base_url=address, token=os.environ["ENGINEHOUSE_TOKEN"])
page = jobs_list_jobs.sync(client=client, limit=1000)
sys.stdout.write(json.dumps({"name": "list", "result": [str(one.internal_job_id) for one in page.result]}))
