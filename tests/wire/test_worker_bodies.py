"""What goes to a worker and back is what it was, and a newer or older program at the other end is understood."""

import msgspec
from tests import make

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.engine import EngineAddress, EngineKind, EngineSpec
from enginehouse.domain.resources import Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import WHOLE, Done, Failed, ItemKey, Lease, NewArtifact, Report
from enginehouse.wire.work import InputBody, WorkBody, lease_name, parse_artifact, parse_lease
from enginehouse.wire.worker import EngineDeclaration, ExchangeBody, HttpEngineBody, ReportBody

OF_SERVERS = {"address", "python"}  # of engines over HTTP; and a place on the machine of the worker


def sent(value: object, kind: type) -> object:
    """Returns the value as the other side reads it."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def test_an_engine_is_declared_with_all_that_a_server_must_know() -> None:
    spec = make.spec(
        "e", kind=EngineKind.PYTHON, memory_mb=7, resources=Resources(gpus=1, labels={"x": 2}), network=True
    )
    back = sent(EngineDeclaration.of(spec), EngineDeclaration)
    assert isinstance(back, EngineDeclaration)
    assert back.spec() == spec
    left = set(EngineSpec.__struct_fields__) - set(EngineDeclaration.__struct_fields__)
    assert left == OF_SERVERS, "decide whether a worker declares it"


def test_an_engine_over_http_reaches_a_worker_with_its_address() -> None:
    address = EngineAddress(url="http://10.0.0.5:80", ready="/r", process="/p", private=True)
    spec = make.spec("e", kind=EngineKind.HTTP, address=address, resources=Resources(labels={"lab": 1}))
    back = sent(HttpEngineBody.of(spec, on_trial=True), HttpEngineBody)
    assert isinstance(back, HttpEngineBody)
    assert (back.spec(), back.on_trial) == (spec, True)


def test_a_lease_has_its_own_task_and_no_payload_of_another() -> None:
    plan = make.planned(make.fan_out(2))
    lease = Lease(
        key=ItemKey(7, 2, 1), token=9, until=5, organization_id=3, engine_id="read", attempt=2, source=WHOLE, plan=plan,
        target_id=4,
    )  # fmt: skip
    chunk = Artifact(
        job_id=7, ordinal=1, folder=1, item=0, part=2, index=2, name="c", media_type="text/plain", size=1, sha256="s",
        key="k", metadata={"a": 1},
    )  # fmt: skip
    body = WorkBody.of(lease, [InputBody.of(chunk, 0, "/base")])
    back = sent(body, WorkBody)
    assert isinstance(back, WorkBody)
    found = back.to_lease()
    assert (found.key, found.token, found.source, found.target_id) == (lease.key, lease.token, WHOLE, 4)
    assert found.plan.tasks[2].folders == plan.tasks[2].folders
    assert [route.child for route in found.plan.routes] == [2]
    assert found.plan.tasks[1].engine_id == plan.tasks[1].engine_id
    [arrived] = [each.artifact(7) for each in back.inputs]
    assert (arrived.folder, arrived.key, arrived.metadata) == (0, "/base/artifacts/1.1.0.2", {"a": 1})
    assert parse_artifact("1.1.0.2") == (1, 1, 0, 2)
    assert parse_lease(lease_name(lease.key, 9)) == (lease.key, 9)


def test_a_report_is_read_as_it_was_written() -> None:
    output = NewArtifact(
        folder=-1, part=0, index=1, name="n", media_type="text/plain", size=2, sha256="s", key="k", start_ms=0,
        metadata={"x": [1]},
    )  # fmt: skip
    for outcome in (Done(), Done((output,)), Failed(FailureKind.RATE_LIMITED, "slow", True, 2.5)):
        body = sent(ReportBody.of(Report(ItemKey(1, 0, 0), 2, outcome)), ReportBody)
        assert isinstance(body, ReportBody)
        assert body.outcome() == outcome


def test_fields_of_another_minor_version_are_ignored_or_have_a_default() -> None:
    newer = msgspec.json.decode(
        b'{"reports": [], "claims": {"python": 1}, "somethingNew": {"a": 1}}', type=ExchangeBody
    )
    assert newer.claims == {"python": 1}
    assert msgspec.json.decode(b"{}", type=ExchangeBody) == ExchangeBody()
