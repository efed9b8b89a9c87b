"""The declaration that the reference engines share: AION documents of chunks, and no state between chunks."""

from typing import Any

from enginehouse.engine import EngineKind, EngineMode, EngineSpec
from enginehouse_engines.aion import AION, MEDIA_TYPE
from enginehouse_engines.extraction.readers import DOCUMENTS

_TEXT_INPUTS = ("text/*", AION, *DOCUMENTS)
_TEXT_FORMATS = ("text/plain", "text/markdown", "text/html", AION, *DOCUMENTS)


def chunk_spec(
    module: str,
    *,
    engine_id: str,
    name: str,
    slug: str,
    description: str,
    category: str,
    category_id: str,
    task_type: str,
    memory_mb: int,
    timeout_seconds: int = 120,
    inputs: tuple[str, ...] = _TEXT_INPUTS,
    formats: tuple[str, ...] = _TEXT_FORMATS,
    languages: tuple[str, ...] = (),
    gathers: bool = False,
) -> EngineSpec:
    """Returns the spec of the engine in `module` of this package, with its manifest.

    An engine reads text unless `inputs` and `formats` say otherwise. `formats` are the inputs one by one, the preferred
    one first. Without `languages` the manifest names none.
    """
    manifest: dict[str, Any] = {
        "engineId": engine_id,
        "category": category,
        "engineMode": "chunk",
        "preferredInputFormat": formats[0],
        "supportedInputFormats": list(formats),
        "outputFormats": [MEDIA_TYPE],
        "clusterSize": "small",
    }
    if languages:
        manifest["supportedLanguages"] = list(languages)
    return EngineSpec(
        id=engine_id,
        name=name,
        slug=slug,
        description=description,
        category_id=category_id,
        kind=EngineKind.PYTHON,
        mode=EngineMode.CHUNK,
        gathers=gathers,
        shared=True,
        inputs=inputs,
        outputs=(MEDIA_TYPE,),
        timeout_seconds=timeout_seconds,
        memory_mb=memory_mb,
        task_type=task_type,
        entry_point=f"enginehouse_engines.{module}:engine",
        manifest=manifest,
    )
