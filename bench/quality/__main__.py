"""`make quality`: measures how good the engines are, for the table in the reference (docs/reference/quality.json)."""

import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.quality.measures import RESULT, all_of_them


def main() -> None:
    rows = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        for row in all_of_them(Path(scratch)):
            print(f"{row.engine}: {row.samples}: {row.measure} {row.value}, {row.speed}", file=sys.stderr)
            rows.append(row._asdict())
    gpu = "a GPU" if any(Path("/dev").glob("nvidia[0-9]*")) else "no GPU"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {gpu}, Python {platform.python_version()}"
    machine += f", at a load of {load:.0f} when it began"
    measured = {"day": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "rows": rows}
    RESULT.write_text(json.dumps(measured, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
