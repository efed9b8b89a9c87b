"""The spelling of the ids that commands show: that of GraphQL. Commands take both spellings."""

from enginehouse.domain import ids


def job_spelling(text: str) -> str:
    """Returns the id of a job as commands show it; a text that is no such id as it is."""
    number = ids.parse_job(text)
    return text if number is None else ids.job_graphql(number)


def spelling(text: str) -> str:
    """Returns the id of a job, a task, a schedule or an organization as commands show it; another id as it is."""
    if (job := ids.parse_job(text)) is not None:
        return ids.job_graphql(job)
    if (task := ids.parse_task(text)) is not None:
        return ids.task_graphql(*task)
    number = ids.parse_tagged(ids.Tag.SCHEDULED_JOB, text)
    return organization_spelling(text) if number is None else str(number)


def organization_spelling(text: str) -> str:
    """Returns the id of an organization as commands show it; a text that is no such id as it is."""
    number = ids.parse_tagged(ids.Tag.ORGANIZATION, text)
    return text if number is None else str(number)
