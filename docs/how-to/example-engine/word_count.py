"""An engine that counts the words of its inputs."""

import json

from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, FailureKind, Output, Work


class WordCount:
    """One JSON document per input, with its number of words."""

    spec = EngineSpec(
        id="3b0c4f3e-7c3a-4d0e-9a53-5f0f5a1d7e10",  # a UUID of your own, which never changes
        name="Word count",
        slug="word-count",
        category_id="00000000-0000-4000-8000-0000000c0005",
        kind=EngineKind.PYTHON,
        inputs=("text/*",),
        outputs=("application/json",),
        timeout_seconds=60,
    )

    def process(self, work: Work) -> list[Output]:
        """A plain blocking function, called once for each work item, in a process of its own."""
        texts = [chunk.path.read_text() for chunk in work.inputs]
        if isinstance(work.payload, dict) and isinstance(work.payload.get("text"), str):
            texts.append(work.payload["text"])
        if not texts:
            raise EngineFailure("There is no text to count.", FailureKind.INVALID_DATA)
        print(f"counting {len(texts)} texts")  # goes to the task's log
        return [
            Output(
                media_type="application/json", name="words.json", data=json.dumps({"words": len(text.split())}).encode()
            )
            for text in texts
        ]


engine = WordCount()
