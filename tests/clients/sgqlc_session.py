"""One session of the published client `sgqlc`, unmodified. It prints each result as one line of JSON.

It generates its classes from the schema that the server describes, and builds every document from them.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from sgqlc.endpoint.requests import RequestsEndpoint  # type: ignore[import-not-found]
from sgqlc.introspection import query as introspection  # type: ignore[import-not-found]
from sgqlc.introspection import variables as introspected
from sgqlc.operation import Operation  # type: ignore[import-not-found]
from sgqlc.types import Arg, Variable  # type: ignore[import-not-found]

TARGET, FOLDER = os.environ["ENGINEHOUSE_TARGET"], Path(os.environ["ENGINEHOUSE_FOLDER"])
HEADERS = {"Authorization": f"Bearer {os.environ['ENGINEHOUSE_TOKEN']}"}
endpoint = RequestsEndpoint(os.environ["ENGINEHOUSE_URL"] + "/v3/graphql", HEADERS)


def say(name: str, result: object) -> None:
    sys.stdout.write(json.dumps({"name": name, "result": result}) + "\n")


def generated() -> Any:
    """Returns the module of the classes that the client generates for the schema."""
    described = endpoint(introspection, introspected(include_description=False, include_deprecated=True))
    (FOLDER / "schema.json").write_text(json.dumps(described))
    codegen = [str(Path(sys.executable).with_name("sgqlc-codegen")), "schema", "schema.json", "house_schema.py"]
    subprocess.run(codegen, cwd=FOLDER, check=True)
    spec = importlib.util.spec_from_file_location("house_schema", FOLDER / "house_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["house_schema"] = module
    spec.loader.exec_module(module)
    return module


def run(operation: Any, variables: Any = None) -> Any:
    return operation + endpoint(operation, variables)


house = generated().house_schema
# A JSON value goes into a variable: the client has no form for one in the text of a document.
create = Operation(house.Mutation, variables={"made": Arg(house.CreateJob)})
create.create_job(input=Variable("made")).__fields__("id", "status")
created = run(create, {"made": {"targetId": TARGET, "tasks": [{"engineId": "noop", "payload": {"a": 1}}]}}).create_job
say("create", {"id": created.id, "status": created.status})

read = Operation(house.Query)
read.job(id=created.id).__fields__("id", "target_id")
job = run(read).job
say("read", {"id": job.id, "targetId": job.target_id})

listed = Operation(house.Query)
listed.jobs(limit=1, status=["pending"]).records.id()
say("list", {"records": [{"id": one.id} for one in run(listed).jobs.records]})

cancel = Operation(house.Mutation)
cancel.cancel_job(id=created.id).__fields__("id", "message")
cancelled = run(cancel).cancel_job
say("cancel", {"id": cancelled.id, "message": cancelled.message})

place = Operation(house.Query)
place.get_signed_writable_url(key="a.txt").__fields__("url", "get_url")
url = run(place).get_signed_writable_url
requests.put(url.url, data=b"from sgqlc", headers={"Content-Type": "text/plain"}, timeout=30).raise_for_status()
upload = Operation(house.Mutation)
asset = upload.create_asset(input={"container_id": TARGET, "uri": url.get_url})
asset.content_type()
asset.file_data.size()
stored = run(upload).create_asset
say("upload", {"contentType": stored.content_type, "fileData": {"size": stored.file_data.size}})

absent = Operation(house.Query)
absent.job(id="26010101_xxxxxxxxxx").id()
say("absent", endpoint(absent)["errors"])
