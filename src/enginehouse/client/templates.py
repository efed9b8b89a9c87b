"""Job templates: jobs to create again and again."""

from typing import Any, Final

from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection

_TASKS: Final = "taskTemplates(limit: 1000) { records { id engineId engine { name } payload } }"
_FIELDS: Final = f"id createdDateTime modifiedDateTime jobPipelineId jobPipelineStage {_TASKS}"
_IO: Final = "ioFolders { referenceId mode type }"
_LIST: Final = f"""query($limit: Int, $offset: Int) {{
  jobTemplates(limit: $limit, offset: $offset) {{ count limit offset records {{ {_FIELDS} }} }} }}"""
_ONE: Final = f"""query($id: ID!) {{ jobTemplate(id: $id) {{
  {_FIELDS.replace("payload }", f"payload {_IO} }}")} jobConfig
  routes {{ parentIoFolderReferenceId childIoFolderReferenceId }} }} }}"""
_CREATE: Final = f"mutation($input: CreateJobTemplate!) {{ createJobTemplate(input: $input) {{ {_FIELDS} }} }}"
_LAUNCH: Final = "mutation($input: LaunchJobTemplates!) { launchJobTemplates(input: $input) { id targetId } }"
_DELETE: Final = "mutation($id: ID!) { deleteJobTemplate(id: $id) { id } }"


def page(client: ServerConnection, *, limit: int = 20, offset: int = 0) -> Json:
    """Returns `records` of job templates, newest first, and the `count` of all. Raises RequestFailed."""
    found: Json = client.graphql(_LIST, {"limit": limit, "offset": offset})["jobTemplates"]
    return found


def get(client: ServerConnection, template_id: str) -> Json:
    """Returns the job template with its tasks, folders and routes. Raises RequestFailed."""
    found: Json = client.graphql(_ONE, {"id": template_id})["jobTemplate"]
    return found


def create(client: ServerConnection, template: Json) -> Json:
    """The job template exists. Returns it. Raises RequestFailed.

    `template` is an input of the mutation `createJobTemplate`: `taskTemplates`, and perhaps `routes` and `jobConfig`.
    """
    made: Json = client.graphql(_CREATE, {"input": template})["createJobTemplate"]
    return made


def launch(
    client: ServerConnection, template_id: str, *, payload: Json | None = None, target_id: str | None = None
) -> str:
    """A job of the template is durable. Returns its id. Raises RequestFailed.

    `payload` is merged into the payload of every task. Without a target the job has its own.
    """
    fields: dict[str, Any] = {"ids": [template_id]}
    if payload is not None:
        fields["payload"] = payload
    if target_id is not None:
        fields["targetInfo"] = {"targetId": target_id}
    [job] = client.graphql(_LAUNCH, {"input": fields})["launchJobTemplates"]
    return str(job["id"])


def delete(client: ServerConnection, template_id: str) -> None:
    """The job template is gone; its jobs stay. Raises RequestFailed, also while a schedule launches it."""
    client.graphql(_DELETE, {"id": template_id})
