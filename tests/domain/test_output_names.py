"""Each output of a list has a name of its own, which stays as long as the output does."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.artifact import PUBLISHED, Artifact
from enginehouse.domain.output_names import with_unique_names

NAMES = st.sampled_from(["a.json", "a-0-0.json", "a-0-0-0.json", "a-1-1.json", "a", "..", "a/b", "a_b", ""]) | st.text(
    "a-0./é", max_size=8
)
PLACES = st.tuples(st.integers(0, 2), st.integers(-1, 1), st.integers(0, 2), st.integers(0, 2))


def output(name: str, ordinal: int = 0, folder: int = PUBLISHED, item: int = 0, part: int = 0) -> Artifact:
    return Artifact(
        job_id=1, ordinal=ordinal, folder=folder, item=item, part=part, index=0, name=name, media_type="text/plain",
        size=0, sha256="", key="",
    )  # fmt: skip


@st.composite
def outputs(draw: st.DrawFn) -> list[Artifact]:
    """Outputs with different places, in the order in which they are published."""
    places = draw(st.lists(PLACES, unique=True, max_size=12))
    return [replace(output(draw(NAMES), *place), created_at=at) for at, place in enumerate(places)]


def names(listed: list[Artifact]) -> list[str]:
    return [one.name for one in with_unique_names(listed)]


def test_names_that_differ_stay() -> None:
    assert names([output("b.json"), output("a.json", part=1)]) == ["b.json", "a.json"]


def test_a_later_output_with_the_same_name_says_its_task_and_item() -> None:
    assert names([output("same.json"), output("same.json", ordinal=1)]) == ["same.json", "same-1-0.json"]
    chunks = [output("same.json", ordinal=2, item=item) for item in range(3)]
    assert names(chunks) == ["same.json", "same-2-1.json", "same-2-2.json"]
    assert names([output("x"), output("x", part=1), output("x", part=2)]) == ["x", "x-0-0", "x-0-0-2"]


@given(outputs())
def test_a_name_means_one_output_and_does_not_change_when_more_are_published(published: list[Artifact]) -> None:
    for number in range(len(published) + 1):
        earlier = published[:number]
        shown = sorted(earlier, key=lambda one: (one.ordinal, one.item, one.part, one.folder))
        listed = dict(zip((one.created_at for one in shown), names(shown), strict=True))
        assert len(set(listed.values())) == number
        assert not set(listed.values()) & {"", ".", ".."}
        assert not any("/" in name for name in listed.values())
        assert [listed[one.created_at] for one in earlier] == names(published)[:number]
