"""Seconds until `import rbio_kg` and `rbio-kg --help` are done, next to a bare interpreter, medians in one run.

python -m benchmarks.graph.start [--repeat 11] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "bare python": [sys.executable, "-c", "pass"],
    "import rbio_kg": [sys.executable, "-c", "import rbio_kg"],
    "import typer": [sys.executable, "-c", "import typer"],
    "rbio-kg --help": [
        sys.executable,
        "-c",
        "import sys; sys.argv = ['rbio-kg', '--help']; from rbio_kg.cli.app import main; main()",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.repeat):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    if options.json:
        print(json.dumps({"seconds": medians, "repeat": options.repeat}))
        return
    for name, value in medians.items():
        print(f"{name:<16} {value:.3f} s  ({value / medians['bare python']:.1f} times a bare interpreter)")


if __name__ == "__main__":
    main()
