"""The spelling of the ids that commands show: that of GraphQL. Commands take both spellings."""

from enginehouse.domain import ids


def job_spelling(text: str) -> str:
    """Returns the id of a job as commands show it; a text that is no such id as it is."""
    number = ids.parse_job(text)
    return text if number is None else ids.job_graphql(number)


def organization_spelling(text: str) -> str:
    """Returns the id of an organization as commands show it; a text that is no such id as it is."""
    number = ids.parse_tagged(ids.Tag.ORGANIZATION, text)
    return text if number is None else str(number)
