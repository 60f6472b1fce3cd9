"""The demo: sources up, six months through the layers, and a summary that a person wants to read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import load_dotenv

from partitions.days import DayRange
from resources.settings import PROJECT, Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Phases:
    """How long what took."""

    console: Console | None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block and say that it began."""
        if self.console:
            self.console.print(f"[bold]{name}[/bold]", highlight=False)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started


def run_demo(home: Path | None, scale: int, as_json: bool, console: Console) -> int:
    """Run the demo; a second time changes nothing and says so.

    Returns:
        The exit code: 1 when a run failed, a defect was missed, a row was quarantined without cause or is unaccounted for.
    """
    from globalbev_assets.operations.summary import as_dict, show, summarise  # noqa: PLC0415

    phases = Phases(None if as_json else console)
    with phases.phase("Sources and Spark"):
        settings = _sources_and_spark(home, scale)
    from globalbev_assets.operations.backfill import execute, plan, prepare_environment  # noqa: PLC0415

    settings = prepare_environment()
    from partitions.daily import history  # noqa: PLC0415  Dagster takes a second to import; Spark starts meanwhile

    days = history(settings.start_date, settings.end_date)
    results = []
    for stage in plan(settings, days):
        with phases.phase(f"{stage.layer.capitalize()}, {len(stage.days)} days"):
            results += execute([stage], phases.console)
    with phases.phase("Summary"):
        found = summarise(settings, DayRange(days.first, days.last), settings.home / "sandbox" / "defects.jsonl")
    if as_json:
        console.print_json(json.dumps(as_dict(found, phases.seconds), default=str))
    else:
        show(found, phases.seconds, console)
    return 0 if all(result.succeeded for result in results) and not found.findings else 1


def _sources_and_spark(home: Path | None, scale: int) -> Settings:
    """Start the sandbox; JARs and the Spark server come up beside it, for they take longer than the data.

    The settings go to the project's ``.env``, also where the sandbox wrote to another file before: it is what is read here.
    """
    import sandbox  # noqa: PLC0415
    from globalbev_assets.operations.backfill import BATCH_SIZE  # noqa: PLC0415

    given = load_settings()
    chosen, env_file = (home or given.home).absolute(), PROJECT / ".env"
    sandbox.refuse_others(chosen, env_file)  # before Spark's server is started for nothing
    with ThreadPoolExecutor(1) as pool:
        spark = pool.submit(_warm_up, given.model_copy(update={"home": chosen}))
        sandbox.up(chosen, scale=scale, env_file=env_file, more={"DAGSTER_EVENT_BATCH_SIZE": BATCH_SIZE})
        spark.result()
    load_dotenv(env_file, override=True)
    os.environ["GLOBALBEV_HOME"] = str(chosen)
    return load_settings()


def _warm_up(settings: Settings) -> None:
    from resources.spark_server import ensure_server  # noqa: PLC0415

    if settings.spark == "server":
        ensure_server(settings)
