"""The addresses of pages that several others lead to."""

from enginehouse.domain.artifact import Artifact, OutputPlace
from enginehouse.domain.ids import job_graphql


def output_address(output: Artifact) -> str:
    """Returns the address of the page of an output."""
    place = place_text(OutputPlace(output.folder, output.item, output.part))
    return f"/jobs/{job_graphql(output.job_id)}/tasks/{output.ordinal}/outputs/{place}"


def place_text(place: OutputPlace) -> str:
    """Returns the place of an output as addresses have it."""
    return ".".join(map(str, place))
