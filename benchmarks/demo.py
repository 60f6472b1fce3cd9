"""``make demo`` as a newcomer has it: a fresh clone, an empty home, a filled package cache. How long it takes and how much memory it needs.

    make bench-demo ARGS=--twice

What the demo found (defects met and missed, rows quarantined without cause or unaccounted for) is kept beside the seconds: a quick run that is wrong is none.
Memory is the proportional set size of all processes that work in the clone: make, the command, Spark's server, PostgreSQL, the API. Results go to
``benchmarks/results/demo-<day>.json``. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.memory import PeakMemory

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Measure, write and show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--twice", action="store_true", help="run it a second time in the same clone: nothing should change")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="globalbev-demo-") as folder:
        figures = measure(Path(folder), runs=2 if given.twice else 1)
    RESULTS.mkdir(exist_ok=True)
    place = RESULTS / f"demo-{time.strftime('%Y-%m-%d')}.json"
    place.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


def measure(folder: Path, runs: int) -> dict[str, Any]:
    """Clone, set up and run; the clone's own ``make down`` at the end."""
    clone, home = folder / "project", folder / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=False, env=_with_uv(os.environ)).stdout.strip()
    environment = _with_uv(
        {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "UV_CACHE_DIR": cache or str(Path.home() / ".cache/uv")}
    )
    kept = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    environment |= {name: os.environ[name] for name in kept if name in os.environ}
    figures: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "runs": []}
    memory = PeakMemory(found=lambda: _working_in(clone))
    memory.start()
    try:
        for _ in range(runs):
            started = time.monotonic()
            done = subprocess.run(["make", "demo", "ARGS=--json"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
            figures["runs"].append({"seconds": round(time.monotonic() - started, 1), "exit_code": done.returncode, **found_by(done.stdout)})
            if done.returncode:
                figures["runs"][-1]["errors"] = done.stderr.splitlines()[-14:]
    finally:
        figures["peak_memory_gib"] = round(memory.stop() / 2**30, 2)
        subprocess.run(["make", "down"], cwd=clone, env=environment, capture_output=True, check=False)
    return figures


def found_by(output: str) -> dict[str, Any]:
    """The summary's figures, from the JSON document that ``make demo ARGS=--json`` ends with; set-up says what it does before it.

    Without such a document: the last lines, under ``end``.
    """
    start = 0 if output.startswith("{") else output.find("\n{") + 1
    try:
        summary, _ = json.JSONDecoder().raw_decode(output, start)
        defects = summary["defects"]
        kept = {name: defects[name] for name in ("expected", "caught", "missed", "quarantined", "falsely_quarantined")}
        return {"unchanged": summary["unchanged"], "defects": kept, "unaccounted": summary["unaccounted"], "phases": summary["seconds"]}
    except (ValueError, LookupError, TypeError):
        return {"end": output.splitlines()[-14:]}


def _with_uv(environment: Any) -> dict[str, str]:
    return {**environment, "PATH": f"{ROOT / '.uv' / 'bin'}:{environment['PATH']}"}


def _working_in(clone: Path) -> Iterator[psutil.Process]:
    """Processes whose folder or command line names the clone: servers that were detached have no parent to be found by."""
    for process in psutil.process_iter():
        try:
            if str(clone) in " ".join([process.cwd(), *process.cmdline()]):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


if __name__ == "__main__":
    main()
