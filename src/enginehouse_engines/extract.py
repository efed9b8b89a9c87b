"""Text extraction: reads the text of documents, part by part, so that engines that take text can work on them."""

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse_engines.extraction.readers import DOCUMENTS
from enginehouse_engines.extraction.section import MOST_SECTIONS
from enginehouse_engines.text import invalid, read_sections

ID = "1f3c0f0e-6d84-4f5b-9c57-7be2c0a4d811"
_TYPES = ("text/*", "application/*+json", *DOCUMENTS)


class TextExtract:
    """Returns the text of each page, slide, sheet or table as plain text, with its place in the document as metadata.

    It parses what strangers have made, so it runs in a child process with nothing but its input.
    """

    spec = EngineSpec(
        id=ID,
        name="Text extraction",
        slug="text-extract",
        description="Reads the text of PDF, Office, OpenDocument, web, Markdown, table, JSON, mail and caption files.",
        category_id="00000000-0000-4000-8000-0000000c0002",
        kind=EngineKind.PYTHON,
        mode=EngineMode.CHUNK,
        shared=True,
        inputs=_TYPES,
        outputs=("text/plain",),
        timeout_seconds=120,
        memory_mb=1024,
        task_type="extract-text",
        entry_point="enginehouse_engines.extract:engine",
        manifest={
            "engineId": ID,
            "category": "Chunking",
            "engineMode": "chunk",
            "preferredInputFormat": "application/pdf",
            "supportedInputFormats": [*DOCUMENTS, "text/plain", "text/markdown", "text/html"],
            "outputFormats": ["text/plain"],
            "clusterSize": "small",
        },
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the sections of every input. Raises EngineFailure (invalid_data) for what is no readable document."""
        if not work.inputs:
            raise invalid("Nothing to read: give payload.url, or a target with a primary asset.")
        return [
            Output(
                media_type="text/plain",
                data=section.text.encode("utf-8", "replace"),
                name=f"section-{number:06}.txt",
                index=chunk.index * MOST_SECTIONS + number,
                start_ms=chunk.start_ms,
                stop_ms=chunk.stop_ms,
                metadata={**chunk.metadata, **section.place},
            )
            for chunk in work.inputs
            for number, section in enumerate(read_sections(chunk))
        ]


engine = TextExtract()
