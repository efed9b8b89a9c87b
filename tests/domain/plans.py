"""Any small plan, as the planner makes it from any request, and which task waits for which."""

from hypothesis import strategies as st
from msgspec import structs
from tests.domain.requests import folder, job, planned, route, task

from enginehouse.domain.job import Plan, TaskRequest

INPUTS = st.sampled_from([("chunk",), ("chunk",), ("stream",), ("chunk", "stream"), ("chunk", "chunk"), ()])
ENGINES = st.sampled_from(["transcribe", "transcribe", "transcribe", "batch", "writer"])


@st.composite
def requests(draw: st.DrawFn, number: int, inputs: tuple[str, ...]) -> TaskRequest:
    """A task with these input folders and an output folder of each mode. It may have a standby with a standby."""
    standby = None
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        standby = task(draw(ENGINES), parents_first=draw(st.booleans()), standby=standby)
    folders = [folder(f"{number}-in{n}", mode) for n, mode in enumerate(inputs)]
    folders += [folder(f"{number}-{mode}", mode, "output") for mode in ("chunk", "stream")]
    retries, first = draw(st.sampled_from([None, 0, 1])), draw(st.booleans())
    return task(draw(ENGINES), *folders, standby=standby, max_retries=retries, parents_first=first)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """The plan of any small graph, listed in any order; its chunk tasks may lose some chunks."""
    inputs = draw(st.lists(INPUTS, min_size=2, max_size=5))
    tasks = [draw(requests(number, modes)) for number, modes in enumerate(inputs)]
    routes = [
        route(f"{parent}-{mode}", f"{child}-in{n}")
        for child, modes in enumerate(inputs)
        for n, mode in enumerate(modes)
        for parent in sorted({draw(st.integers(-1, child - 1)), draw(st.integers(-1, child - 1))} - {-1})
    ]
    made = planned(job(*draw(st.permutations(tasks)), routes=tuple(routes))).plan
    losses = st.sampled_from([0, 0, 1, 2])
    lossy = [structs.replace(each, max_failed_chunks=draw(losses)) if each.per_chunk else each for each in made.tasks]
    return structs.replace(made, tasks=tuple(lossy))


class Families:
    """Which task waits for which. A family is a listed task, its standby, the standby of that, and so on."""

    def __init__(self, plan: Plan) -> None:
        self.head: list[int] = []
        for ordinal, each in enumerate(plan.tasks):
            self.head.append(ordinal if each.standby_for is None else self.head[each.standby_for])
        self.members = {head: [n for n, of in enumerate(self.head) if of == head] for head in self.head}
        self.parents: list[set[int]] = [set() for _ in plan.tasks]
        for edge in plan.routes:
            self.parents[edge.child].add(self.head[edge.parent])
        self.before = [self._before(ordinal) for ordinal in range(len(plan.tasks))]

    def _before(self, ordinal: int) -> set[int]:
        found, stack = set[int](), [ordinal]
        while stack:
            for member in self.members[self.head[stack.pop()]]:
                stack += self.parents[member] - found
                found |= self.parents[member]
        return found
