"""A job that was not created yet, as `createJob` takes it."""

from typing import Any

from enginehouse.domain.job import FolderRequest, JobRequest, TaskRequest


def create_job_input(job: JobRequest) -> dict[str, Any]:
    """Returns the input of `createJob` that creates this job. Its tasks and routes also make a job template."""
    made: dict[str, Any] = {"tasks": [_task(task) for task in job.tasks]}
    if job.routes:
        made["routes"] = [
            {"parentIoFolderReferenceId": route.parent_folder, "childIoFolderReferenceId": route.child_folder}
            for route in job.routes
        ]
    return made | ({"targetId": job.target_id} if job.target_id else {}) | ({"name": job.name} if job.name else {})


def _task(task: TaskRequest) -> dict[str, Any]:
    made: dict[str, Any] = {"engineId": task.engine_id}
    if task.payload:
        made["payload"] = task.payload
    made["ioFolders"] = [_folder(folder) for folder in task.folders]
    return made | ({"standbyTask": {"engineId": task.standby.engine_id}} if task.standby else {})


def _folder(folder: FolderRequest) -> dict[str, Any]:
    return {"referenceId": folder.reference, "mode": folder.mode, "type": folder.type}
