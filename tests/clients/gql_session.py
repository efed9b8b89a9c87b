"""One session of the published client `gql`, unmodified. It prints each result as one line of JSON.

It reads the schema from the server, checks every document against it before it sends it, and builds one from its DSL.
"""

import json
import os
import sys

import requests
from gql import Client, gql  # type: ignore[import-not-found]
from gql.dsl import DSLMutation, DSLQuery, DSLSchema, dsl_gql  # type: ignore[import-not-found]
from gql.transport.exceptions import TransportQueryError  # type: ignore[import-not-found]
from gql.transport.requests import RequestsHTTPTransport  # type: ignore[import-not-found]

ADDRESS = os.environ["ENGINEHOUSE_URL"] + "/v3/graphql"
HEADERS = {"Authorization": f"Bearer {os.environ['ENGINEHOUSE_TOKEN']}"}


def say(name: str, result: object) -> None:
    sys.stdout.write(json.dumps({"name": name, "result": result}) + "\n")


transport = RequestsHTTPTransport(url=ADDRESS, headers=HEADERS, retries=1)
with Client(transport=transport, fetch_schema_from_transport=True) as session:
    schema = DSLSchema(session.client.schema)
    task = {"engineId": "noop", "payload": {"a": 1}}
    create = DSLMutation(
        schema.Mutation.createJob.args(input={"targetId": os.environ["ENGINEHOUSE_TARGET"], "tasks": [task]}).select(
            schema.Job.id, schema.Job.status
        )
    )
    created = session.execute(dsl_gql(create))["createJob"]
    say("create", created)
    read = DSLQuery(schema.Query.job.args(id=created["id"]).select(schema.Job.id, schema.Job.targetId))
    say("read", session.execute(dsl_gql(read))["job"])
    listed = gql(
        "query L($limit: Int, $status: [JobStatusFilter!]) { jobs(limit: $limit, status: $status) { records { id } } }"
    )
    listed.variable_values = {"limit": 1, "status": ["pending"]}
    say("list", session.execute(listed)["jobs"])
    cancel = gql("mutation C($id: ID!) { cancelJob(id: $id) { id message } }")
    cancel.variable_values = {"id": created["id"]}
    say("cancel", session.execute(cancel)["cancelJob"])
    place = session.execute(gql('{ getSignedWritableUrl(key: "a.txt") { url getUrl } }'))["getSignedWritableUrl"]
    requests.put(place["url"], data=b"from gql", headers={"Content-Type": "text/plain"}, timeout=30).raise_for_status()
    asset = gql("mutation A($in: CreateAsset!) { createAsset(input: $in) { contentType fileData { size } } }")
    asset.variable_values = {"in": {"containerId": os.environ["ENGINEHOUSE_TARGET"], "uri": place["getUrl"]}}
    say("upload", session.execute(asset)["createAsset"])
    try:
        session.execute(gql('{ job(id: "26010101_xxxxxxxxxx") { id } }'))
    except TransportQueryError as error:
        say("absent", error.errors)
