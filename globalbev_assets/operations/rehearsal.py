"""The Databricks rehearsal: some days through every layer, each step launched as on Azure, on a workspace of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.names import LAYERS, TableName
from globalbev_assets.operations.leaks import leaks
from globalbev_assets.operations.selection import selected
from partitions.days import DayRange
from resources.upload import LARGEST_BYTES

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.databricks import Workspace
    from sandbox.databricks.account import StepAccount

MOST_SUBMISSIONS = 10
MOST_SECONDS, WITH_DAYS = 720, 3  # a rehearsal of three days, or fewer; of more in proportion


@dataclass
class Rehearsed:
    """What a rehearsal came to.

    Attributes:
        days: what was processed.
        seconds: in all.
        succeeded: whether every run did.
        runs: Dagster's runs by layer.
        steps: one account a submission.
        days_reported: materialisations by table.
        unchanged: those among them that had nothing new.
        repeated: tables and days that were reported more than once in a run.
        unreported: selected tables and days that no event tells of.
        checks: evaluations passed and failed.
        broken: checks that failed as errors; a warning is the data's, and no fault of the way to a cluster.
        host_jvms: JVMs that ran on the host instead of on a cluster.
        leaks: files below the workspace and the instance that hold a secret.
        errors: of steps, whole.
        stored_tables: how many tables lie in the workspace's storage, where the host's settings do not lead.
    """

    days: DayRange
    compute: str
    seconds: float = 0.0
    succeeded: bool = True
    runs: dict[str, str] = field(default_factory=dict)
    steps: Sequence[StepAccount] = ()
    days_reported: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    checks: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0})
    unreported: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    host_jvms: int = 0
    leaks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stored_tables: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it shows what it is to show."""
        is_clean = not (self.repeated or self.unreported or self.broken or self.host_jvms or self.leaks)
        is_small = len(self.steps) <= MOST_SUBMISSIONS and all(step.upload_bytes < LARGEST_BYTES for step in self.steps)
        is_quick = self.seconds < MOST_SECONDS * max(1.0, len(self.days) / WITH_DAYS)
        return self.succeeded and is_clean and is_small and is_quick and self.stored_tables >= len(self.days_reported)


@contextmanager
def stage(
    home: Path, compute: str = "launcher", *, start_s: float = 1.0, is_continued: bool = False
) -> Iterator[tuple[Workspace, DayRange, Mapping[str, str]]]:
    """The sources, a workspace, and a process whose settings lead to it; gives the workspace, the days there are, and the secrets by key."""
    import sandbox  # noqa: PLC0415  only the command line knows that there is one
    from resources.dagster_home import prepare_dagster_home  # noqa: PLC0415
    from resources.databricks_cluster import secret_key  # noqa: PLC0415
    from sandbox import lifecycle  # noqa: PLC0415
    from sandbox.databricks.ground import make_workspace, variables  # noqa: PLC0415
    from sandbox.layout import Layout  # noqa: PLC0415
    from sandbox.state import load_secrets, load_state  # noqa: PLC0415

    sandbox.up(home)
    layout = Layout(home)
    state = load_state(layout)
    assert state is not None  # noqa: S101  it has just been made
    sources = lifecycle.settings(layout, state, load_secrets(layout))
    hidden = ("GLOBALBEV_SHOP_DSN", "GLOBALBEV_INVENTORY_TOKEN")
    secrets = {secret_key(name): sources[name] for name in hidden}
    folder = home / "databricks" / "rehearsal"
    if not is_continued:
        shutil.rmtree(folder, ignore_errors=True)
    with make_workspace(home, folder / "workspace", secrets, start_s=start_s) as workspace:
        told = variables(workspace, layout.landing) | {"GLOBALBEV_COMPUTE": compute, "GLOBALBEV_HOME": str(home), "GLOBALBEV_SPARK": "server"}
        told |= {name: sources[name] for name in ("GLOBALBEV_INVENTORY_URL", "GLOBALBEV_START_DATE")}
        told |= {"DAGSTER_HOME": str(prepare_dagster_home(folder)), "DAGSTER_EVENT_BATCH_SIZE": "200"}
        for name in hidden:
            os.environ.pop(name, None)
        os.environ.update(told)
        yield workspace, state.days, secrets | {"client": told["GLOBALBEV_DATABRICKS_CLIENT_SECRET"]}


def run_rehearsal(  # noqa: PLR0913  a command's options
    home: Path, days: int, select: Sequence[str], compute: str, as_json: bool, console: Console, *, is_continued: bool, evicted: str | None = None
) -> int:
    """Rehearse and print the account; returns the exit code. ``evicted``: the table whose first commit costs the cluster."""
    # What the launcher passes on of a cluster's output is not part of the document.
    aside = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    with aside, stage(home, compute, is_continued=is_continued) as (workspace, history, secrets):
        if evicted:
            workspace.faults.add("eviction_after_commit", path=str(TableName.parse(evicted)).replace(".", "/"))
        chosen = DayRange(history.last - timedelta(days=days - 1), history.last)
        found = rehearse(workspace, chosen, select, compute, None if as_json else console)
        found.leaks = leaks(home / "databricks" / "rehearsal", secrets, workspace.principals.tokens)
    if as_json:
        console.print_json(json.dumps({**asdict(found), "days": [str(chosen.first), str(chosen.last)], "is_good": found.is_good}, default=str))
    else:
        _show(found, console)
    return 0 if found.is_good else 1


def rehearse(workspace: Workspace, days: DayRange, select: Sequence[str], compute: str, console: Console | None = None) -> Rehearsed:
    """Run the layers, one Dagster run each; of some layers or tables only if any are given."""
    import dagster as dg  # noqa: PLC0415

    from globalbev_assets.operations.launched import run_launched  # noqa: PLC0415
    from resources.lakehouse_resource import book_of  # noqa: PLC0415
    from resources.settings import load_settings  # noqa: PLC0415
    from sandbox.databricks.account import accounts  # noqa: PLC0415

    book, found, started = book_of(load_settings()), Rehearsed(days, compute), time.monotonic()
    with dg.DagsterInstance.get() as instance, _watched(found):
        for layer, tables in _stages(book, select).items():
            if console:
                console.print(f"{layer}: {len(tables)} tables, {len(days)} days …")
            result = run_launched(tables, days, instance, {"layer": layer})
            found.runs[layer] = result.run_id
            take(found, instance, result.run_id, tables)
            found.succeeded = found.succeeded and result.success
    found.seconds, found.steps = time.monotonic() - started, accounts(workspace)
    found.stored_tables = sum(1 for place in workspace.storage.values() for _ in place.glob("*/*/_delta_log"))
    return found


def _stages(book: ContractBook, select: Sequence[str]) -> dict[str, list[str]]:
    """The tables by layer, in the layers' order."""
    chosen = selected(book, select)
    return {layer: tables for layer in LAYERS if (tables := [str(name) for name in chosen if name.layer == layer])}


def take(found: Rehearsed, instance: Any, run_id: str, tables: Sequence[str]) -> None:
    """Add what a run's events tell: of these tables, every day is to be materialised once, or observed where it was held."""
    import dagster as dg  # noqa: PLC0415

    published: list[tuple[str, str | None]] = []
    observed: set[tuple[str, str | None]] = set()
    for record in instance.get_records_for_run(run_id).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            published.append(_told(event))
            if event.step_materialization_data.materialization.metadata["state"].value == "unchanged":
                found.unchanged[published[-1][0]] = found.unchanged.get(published[-1][0], 0) + 1
        elif event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
            observed.add(_told(event))
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            _judge(found, event.asset_check_evaluation_data)
        elif event.is_step_failure:
            found.errors.append(event.step_failure_data.error.to_string() if event.step_failure_data.error else str(event.message))
    for table, _ in published:
        found.days_reported[table] = found.days_reported.get(table, 0) + 1
    found.repeated += [f"{table} {day}" for (table, day), times in Counter(published).items() if times > 1]
    wanted = ((table, str(day)) for table in tables for day in found.days)
    found.unreported += [f"{table} {day}" for table, day in wanted if (table, day) not in observed | {*published}]


def _told(event: Any) -> tuple[str, str | None]:
    return ".".join(event.asset_key.path), event.partition


def _judge(found: Rehearsed, evaluation: Any) -> None:
    found.checks["passed" if evaluation.passed else "failed"] += 1
    if not evaluation.passed and evaluation.severity.value == "ERROR":
        found.broken.append(f"{'.'.join(evaluation.asset_key.path)} {evaluation.check_name}")


@contextmanager
def _watched(found: Rehearsed) -> Iterator[None]:
    """Count the JVMs of this process that no cluster's driver started."""
    import psutil  # noqa: PLC0415

    over, seen = threading.Event(), set[int]()

    def look() -> None:
        while not over.wait(1.0):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it has just ended
                    if child.name().startswith("java") and not any("driver.py" in " ".join(parent.cmdline()) for parent in child.parents()):
                        seen.add(child.pid)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        found.host_jvms = len(seen)


def _show(found: Rehearsed, console: Console) -> None:
    from rich.table import Table  # noqa: PLC0415

    from sandbox.databricks.account import REAL_START_S  # noqa: PLC0415

    table = Table(title=f"{len(found.days)} days, {found.days}, by {found.compute}", title_justify="left")
    for name in ("step", "ended", "cluster asked for", "upload", "zip s", "upload s", "start s", "Spark s", "step s", "poll s"):
        table.add_column(name, justify="left" if name in ("step", "ended", "cluster asked for") else "right")
    for step in found.steps:
        times = (step.zip_s, step.upload_s, step.start_s, step.session_s, step.work_s, step.poll_s)
        table.add_row(step.step, step.result, step.cluster, f"{step.upload_bytes / 1e3:,.0f} kB", *(f"{value:.1f}" for value in times))
    console.print(table)
    overhead_s = sum(step.overhead_s for step in found.steps)
    starts = len(found.steps)
    console.print(
        f"{sum(found.days_reported.values())} days of {len(found.days_reported)} tables were reported, {len(found.repeated)} of them twice."
    )
    console.print(f"{found.checks['passed']} checks passed, {found.checks['failed']} failed; they ran here, without a cluster.")
    console.print(
        f"{starts} cluster starts; at {REAL_START_S:.0f} s each that is {starts * REAL_START_S / 60:.0f} minutes, "
        f"where one a table would be {len(found.days_reported) * REAL_START_S / 60:.0f}."
    )
    console.print(f"The way there and back cost {overhead_s:.1f} s beside the steps' own time; JVMs on the host: {found.host_jvms}.")
    console.print(f"Selected tables and days that nobody told of: {', '.join(found.unreported) or 'none'}.")
    console.print(f"Checks that failed as errors: {', '.join(found.broken) or 'none'}.")
    console.print(f"Secrets in an uploaded file or a log: {', '.join(found.leaks) or 'none'}.")
    for error in found.errors:
        console.print(error, markup=False)
    console.print(f"{'The rehearsal succeeded' if found.is_good else 'The rehearsal did not succeed'}, in {found.seconds:.0f} s.")
