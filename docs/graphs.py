"""Two graphs for examples: read, as text, in chunks, through the engines side by side, collated."""

from enginehouse.client import Json

WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
TEXT_EXTRACT = "1f3c0f0e-6d84-4f5b-9c57-7be2c0a4d811"
CHUNKER = "8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440"
TRANSCRIPTION = "c0e55cde-340b-44d7-bb42-2e0d65e98255"
LANGUAGE = "6a7d2c1e-58b3-4f0a-9d6e-3b8f41c7e205"
SENTIMENT = "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"
KEYWORDS = "e4c81f37-0a9b-4d52-b6e8-71f2d05a9c13"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"


def text_job() -> Json:
    """Returns a CreateJob input: read → text → chunks → language, sentiment, keywords in parallel → one result."""
    tasks = [
        _task(WEBSTREAM, _out("document", "stream")),
        _task(TEXT_EXTRACT, _in("document-in", "stream"), _out("sections", "chunk")),
        _task(CHUNKER, _in("sections-in"), _out("chunks", "chunk")),
        *_text_engines(),
        _task(WRITER, _in("language-results"), _in("sentiment-results"), _in("keywords-results")),
    ]
    routes = [_route("document", "document-in"), _route("sections", "sections-in")]
    return {"tasks": tasks, "routes": [*routes, *_text_routes("chunks")]}


def audio_job() -> Json:
    """Returns a CreateJob input: read → chunks cut in the pauses → transcription → the text engines → one result."""
    tasks = [
        _task(WEBSTREAM, _out("recording", "stream")),
        _task(CHUNKER, _in("recording-in", "stream"), _out("chunks", "chunk"), payload={"ffmpegTemplate": "audio"}),
        _task(TRANSCRIPTION, _in("speech-in"), _out("transcript", "chunk")),
        *_text_engines(),
        _task(
            WRITER,
            _in("transcript-results"),
            _in("language-results"),
            _in("sentiment-results"),
            _in("keywords-results"),
        ),
    ]
    routes = [
        _route("recording", "recording-in"),
        _route("chunks", "speech-in"),
        _route("transcript", "transcript-results"),
        *_text_routes("transcript"),
    ]
    return {"tasks": tasks, "routes": routes}


def with_input(job: Json, *, target_id: str | None = None, url: str | None = None) -> Json:
    """Returns the job with its input: the primary asset of a target, or what is at a URL."""
    if url is None:
        return {**job, "targetId": target_id}
    [adapter, *others] = job["tasks"]
    return {**job, "tasks": [{**adapter, "payload": {"url": url}}, *others]}


def _text_engines() -> list[Json]:
    engines = (("language", LANGUAGE), ("sentiment", SENTIMENT), ("keywords", KEYWORDS))
    return [_task(engine, _in(f"{name}-in"), _out(f"{name}-out", "chunk")) for name, engine in engines]


def _text_routes(source: str) -> list[Json]:
    names = ("language", "sentiment", "keywords")
    return [_route(source, f"{name}-in") for name in names] + [_route(f"{n}-out", f"{n}-results") for n in names]


def _task(engine: str, *folders: Json, payload: Json | None = None) -> Json:
    return {"engineId": engine, "ioFolders": list(folders), **({"payload": payload} if payload else {})}


def _in(reference: str, mode: str = "chunk") -> Json:
    return {"referenceId": reference, "mode": mode, "type": "input"}


def _out(reference: str, mode: str) -> Json:
    return {"referenceId": reference, "mode": mode, "type": "output"}


def _route(parent: str, child: str) -> Json:
    return {"parentIoFolderReferenceId": parent, "childIoFolderReferenceId": child}
