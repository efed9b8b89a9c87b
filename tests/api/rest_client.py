"""A client of the REST interface for tests, the engines it names, and jobs to send."""

import hashlib
from dataclasses import dataclass
from typing import Any

import httpx

from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.engine import EngineCategory, EngineKind, EngineMode, EngineSpec
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import accounts, identity, work
from enginehouse.operations.house import House

WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
FFMPEG = "8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440"
TRANSCRIBE = "c0e55cde-340b-44d7-bb42-2e0d65e98255"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"
BATCH = "f1c1bb0e-8a7a-4f6e-9a0b-0d5b1b5d2c11"

CATEGORIES = [
    EngineCategory(id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182", name="Transcription", type="Cognition"),
    EngineCategory(id="4be1a1b2-653d-4eaa-ba18-747a265305d8", name="Intake", type="Ingestion"),
]


def _spec(engine_id: str, name: str, mode: EngineMode, category: int = 1, **more: Any) -> EngineSpec:
    return EngineSpec(
        id=engine_id, name=name, mode=mode, kind=EngineKind.NATIVE, category_id=CATEGORIES[category].id, **more
    )


ENGINES = [
    _spec(
        WEBSTREAM,
        "Webstream Adapter",
        EngineMode.STREAM,
        ingests=True,
        aliases=("9e611ad7-2d3b-48f6-a51b-0a1ba40feab4",),
    ),
    _spec(FFMPEG, "SI2 FFmpeg", EngineMode.STREAM),
    _spec(TRANSCRIBE, "Speech", EngineMode.CHUNK, 0),
    _spec(WRITER, "Output Writer", EngineMode.CHUNK, gathers=True),
    _spec(BATCH, "Batch", EngineMode.BATCH, ingests=True),
]


@dataclass(frozen=True, slots=True)
class Rest:
    """Requests with a token, and what a test does to jobs behind the interface's back."""

    client: httpx.AsyncClient
    house: House
    token: str

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=self._headers(), **more)

    async def post(
        self, path: str, body: Any = None, *, raw: bytes | str | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content": raw} if raw is not None else {"json": body}
        return await self.client.post(path, headers=self._headers() | named, **sent)

    async def create(self, *jobs: dict[str, Any]) -> str:
        """The id of the (last) job."""
        answer = await self.post("/proc/job/create", {"jobs": list(jobs or (single(),))})
        assert answer.status_code == 200, answer.text
        created: str = answer.json()["internalJobIds"][-1]
        return created

    async def another_organization(self) -> "Rest":
        """The same interface with the token of a second organization."""
        root = await identity.authenticate(self.house, self.token)
        other = await accounts.create_organization(self.house, root, "Other")
        issued = await identity.create_token(self.house, root, organization_id=other.id, as_uuid=True)
        return Rest(self.client, self.house, issued.secret)

    async def run_one(self, *outputs: tuple[str, str, bytes]) -> None:
        """One runnable item runs to its end and publishes `outputs` (name, media type, bytes)."""
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        made = []
        for part, (name, media_type, content) in enumerate(outputs):
            key = f"jobs/{lease.organization_id}/{lease.key.job_id}/{lease.key.ordinal}/{name}"
            await self.house.store.put(key, content)
            made.append(
                NewArtifact(
                    folder=PUBLISHED,
                    part=part,
                    index=part,
                    name=name,
                    media_type=media_type,
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    key=key,
                )
            )
        await work.finish(self.house, Report(lease.key, lease.token, Done(tuple(made))))

    async def start_one(self) -> Lease:
        """One runnable item is running."""
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        return lease

    async def end_stopped(self, lease: Lease) -> None:
        """The attempt has ended as it was asked to."""
        stopped = Failed(FailureKind.STOP_REQUESTED, "stopped")
        await work.finish(self.house, Report(lease.key, lease.token, stopped))

    async def fail_one(self, kind: FailureKind) -> None:
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        await work.finish(self.house, Report(lease.key, lease.token, Failed(kind, "it broke")))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def single(**fields: Any) -> dict[str, Any]:
    """A job of one batch task."""
    return {"tasks": [{"engineId": BATCH, **fields}]}


def folder(reference: str, mode: str, kind: str) -> dict[str, Any]:
    return {"correlationID": reference, "mode": mode, "type": kind}


def transcription(**fields: Any) -> dict[str, Any]:
    """The published four-task sample: adapter, chunker, engine, output writer, and a route into each."""
    payload = '{"url":"https://example.com/audio.mp3"}'
    return {
        "jobStatus": "queued",
        "tasks": [
            {
                "correlationTaskId": "wsa",
                "engineId": WEBSTREAM,
                "taskStatus": "pending",
                "ioFolders": [folder("wsa-out", "stream", "output")],
                "payloadJSON": payload,
                "taskPayloadJSON": payload,
                "maxEngines": 1,
            },
            {
                "correlationTaskId": "chunk",
                "engineId": FFMPEG,
                "ioFolders": [folder("chunk-in", "stream", "input"), folder("chunk-out", "chunk", "output")],
                "taskPayloadJSON": '{"ffmpegTemplate":"audio","chunkOverlap":15}',
            },
            {
                "correlationTaskId": "engine",
                "engineId": TRANSCRIBE,
                "ioFolders": [folder("engine-in", "chunk", "input"), folder("engine-out", "chunk", "output")],
                "parallelProcessing": True,
                "maxEngines": 10,
                "maxRetries": 10,
                "numChunksPerWorkItem": 5,
                "priority": -5,
            },
            {
                "correlationTaskId": "ow",
                "engineId": WRITER,
                "ioFolders": [folder("ow-in", "chunk", "input")],
                "parentMustBeCompleteBeforeStarting": True,
            },
        ],
        "taskRoutes": [
            {"taskChildId": "wsa", "taskParentId": ""},
            {
                "taskParentId": "wsa",
                "taskParentOutputId": "wsa-out",
                "taskChildId": "chunk",
                "taskChildInputId": "chunk-in",
            },
            {
                "taskParentId": "chunk",
                "taskParentOutputId": "chunk-out",
                "taskChildId": "engine",
                "taskChildInputId": "engine-in",
            },
            {
                "taskParentId": "engine",
                "taskParentOutputId": "engine-out",
                "taskChildId": "ow",
                "taskChildInputId": "ow-in",
            },
        ],
        **fields,
    }
