"""An engine that does nothing, at once: what is measured through it is the house itself."""

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work

ID = "00000000-0000-4000-8000-0000006e6f6f"


class Noop:
    """Takes anything and answers no output."""

    spec = EngineSpec(
        id=ID,
        name="No operation",
        slug="noop-python",
        description="Answers at once, without output; for measurements.",
        category_id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182",
        kind=EngineKind.PYTHON,
        mode=EngineMode.BATCH,
        shared=True,
        timeout_seconds=30,
        memory_mb=512,
        task_type="noop",
        entry_point="enginehouse_engines.noop:engine",
        manifest={
            "engineId": ID,
            "category": "Utility",
            "engineMode": "batch",
            "preferredInputFormat": "*/*",
            "supportedInputFormats": ["*/*"],
            "outputFormats": [],
            "clusterSize": "small",
        },
    )

    def process(self, work: Work) -> list[Output]:
        """Nothing has happened."""
        return []


engine = Noop()
