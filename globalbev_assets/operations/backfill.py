"""Backfill: days of the history through the layers, one Dagster run a layer.

One run for all layers would fail every silver and gold day for one bad bronze day; here good days and sibling tables go on. The plan that is
printed by ``--dry-run`` is the plan that is carried out.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import LAYERS
from globalbev_assets.operations.selection import selected
from partitions.days import DayRange, parse_day
from partitions.history import history, within_history
from resources.settings import PROJECT, Settings, load_settings
from resources.telemetry import configure_telemetry

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

BATCH_SIZE = "200"


@dataclass(frozen=True)
class Stage:
    """One run: the tables of one layer, for these days."""

    layer: str
    tables: tuple[str, ...]
    days: DayRange
    why: str = ""


@dataclass
class TableProgress:
    """What a run has reported of one table so far, in source rows."""

    table: str
    days: int = 0
    failed_days: int = 0
    rows_in: int = 0
    published: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    superseded: int = 0
    unaccounted: int = 0
    unchanged_days: int = 0


@dataclass
class StageResult:
    """What became of one run."""

    stage: Stage
    run_id: str
    succeeded: bool
    seconds: float
    tables: dict[str, TableProgress] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    elsewhere: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    """By table: days outside those asked for in which something changed, because what their rows refer to has come or was corrected."""

    @property
    def replayed(self) -> tuple[date, ...]:
        """Those days, of all its tables."""
        return tuple(sorted({day for days in self.elsewhere.values() for day in days}))


def run_backfill(first: str, last: str, select: tuple[str, ...], dry_run: bool, as_json: bool, console: Console) -> int:  # noqa: PLR0913
    """Plan and, unless ``dry_run``, carry out; returns the exit code: 0, or 1 when a day was not published."""
    settings = prepare_environment()
    stages = plan(settings, DayRange.parse(first, last), select)
    if settings.start_date is None and not as_json:
        console.print(f"The history begins {history(None, settings.end_date).first}: older data is not read until GLOBALBEV_START_DATE is set.")
    if dry_run:
        _show_plan(stages, as_json, console)
        return 0
    results = execute(stages, console if not as_json else None)
    if as_json:
        console.print_json(json.dumps([_as_json(result) for result in results], default=str))
    return 0 if all(result.succeeded for result in results) else 1


def prepare_environment() -> Settings:
    """Settings, with the project's ``.env`` in the environment as the ``dagster`` command puts it there."""
    load_dotenv(PROJECT / ".env")
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", BATCH_SIZE)
    settings = load_settings()
    configure_telemetry(settings, least=logging.WARNING)
    ours = settings.home.absolute() / "dagster"
    # Ours is made when it is missing, also where .env names it already; another instance's folder is its owner's.
    if Path(os.environ.get("DAGSTER_HOME") or ours) == ours:
        from resources.dagster_home import prepare_dagster_home  # noqa: PLC0415

        os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings.home))
    return settings


def plan(settings: Settings, days: DayRange, select: Sequence[str] = ()) -> list[Stage]:
    """The runs that bring these days up to date, in order.

    Gold's sums over 7 and 28 days reach past the range: a change of day D changes the rows of D to D+27, so its run does too.

    Raises:
        TerminalError: GB-1006 outside the history, GB-1008 nothing selected.
    """
    from resources.lakehouse_resource import book_of  # noqa: PLC0415

    within_history(days, settings.start_date, settings.end_date)
    book = book_of(settings)
    chosen = [book[name] for name in selected(book, select)]
    newest = history(settings.start_date, settings.end_date).last
    stages = []
    for layer in LAYERS:
        tables = [contract for contract in chosen if contract.layer == layer]
        if tables:
            stages.append(_stage(layer, tables, days, newest))
    return stages


def _stage(layer: str, tables: Sequence[Contract], days: DayRange, newest: Any) -> Stage:
    after = max((contract.lookback_days for contract in tables), default=0)
    last = min(days.last + timedelta(days=after), newest)
    names = tuple(str(contract.name) for contract in tables)
    why = f"{(last - days.last).days} days more: their sums look back so far" if last > days.last else ""
    return Stage(layer, names, DayRange(days.first, last), why)


def execute(stages: Sequence[Stage], console: Console | None = None) -> list[StageResult]:
    """Carry the stages out, one Dagster run each, on the instance of ``DAGSTER_HOME``."""
    import dagster as dg  # noqa: PLC0415

    from globalbev_assets.definitions import defs  # noqa: PLC0415

    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        done: list[StageResult] = []
        for stage in stages:
            done.append(_run(_with_replayed(stage, done), stage.days, job, instance, console))
        return done


def _with_replayed(stage: Stage, done: Sequence[StageResult]) -> Stage:
    """The stage, widened by the days that the layers before it have published again beside the range, and by how far those reach."""
    from resources.lakehouse_resource import book_of  # noqa: PLC0415
    from resources.side_by_side import reads_of  # noqa: PLC0415

    book = book_of(load_settings())
    read = {str(name) for table in stage.tables for name in reads_of(book.parse(table))}
    replayed = sorted({day for result in done for table, days in result.elsewhere.items() if table in read for day in days})
    if not replayed:
        return stage
    reached = plan(load_settings(), DayRange.around(replayed), stage.tables)[-1].days
    days = DayRange.around([stage.days.first, stage.days.last, reached.first, reached.last])
    return replace(stage, days=days, why=f"rows of {', '.join(map(str, replayed[:3]))} were published again")


def _run(stage: Stage, asked: DayRange, job: dg.JobDefinition, instance: dg.DagsterInstance, console: Console | None) -> StageResult:
    """Run a stage; ``asked`` are its days before it was widened."""
    import dagster as dg  # noqa: PLC0415

    from globalbev_assets.operations.launched import run_launched, tell  # noqa: PLC0415
    from partitions.conditions import BACKFILL_TAG  # noqa: PLC0415
    from resources.environments import runs_here  # noqa: PLC0415

    started, run_id = time.monotonic(), str(uuid.uuid4())
    listener, tags = _Listener(console), {"layer": stage.layer, BACKFILL_TAG: "true", "days": str(stage.days)}
    keys = [dg.AssetKey(table.split(".")) for table in stage.tables]
    if runs_here(load_settings()):
        instance.add_event_listener(run_id, listener)
        succeeded = _in_process(stage, job, instance, run_id, tags)
    else:
        launched = run_launched(stage.tables, stage.days, instance, tags)
        run_id, succeeded = launched.run_id, launched.success
        tell(instance, run_id, listener)
    listener.finish()
    elsewhere = {table: tuple(sorted(day for day in days if day not in asked)) for table, days in listener.days.items()}
    elsewhere = {table: days for table, days in elsewhere.items() if days}
    result = StageResult(stage, run_id, succeeded, time.monotonic() - started, listener.tables, listener.errors, elsewhere)
    if not succeeded:
        _check_only(stage, job, instance, keys)
    _show_end(result, console)
    return result


def _in_process(stage: Stage, job: dg.JobDefinition, instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> bool:
    import dagster as dg  # noqa: PLC0415

    from partitions.daily import tags_of  # noqa: PLC0415

    done = job.execute_in_process(
        instance=instance,
        run_id=run_id,
        asset_selection=[dg.AssetKey(table.split(".")) for table in stage.tables],
        tags={**tags_of(stage.days), **tags},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    return bool(done.success)


def _check_only(stage: Stage, job: dg.JobDefinition, instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> None:
    """Run the checks of a layer whose run failed: Dagster skipped them there, and its good days are to be judged all the same."""
    from partitions.daily import tags_of  # noqa: PLC0415

    wanted = set(keys)
    checks = {key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key in wanted}
    subset = job.get_subset(asset_selection=set(), asset_check_selection=checks)
    subset.execute_in_process(
        instance=instance,
        tags=tags_of(stage.days),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


class _Listener:
    """Adds up what a run reports of each table, and says so when the next one begins."""

    def __init__(self, console: Console | None) -> None:
        self.tables: dict[str, TableProgress] = {}
        self.errors: list[str] = []
        self.days: dict[str, set[date]] = {}
        self._console, self._open, self._seconds = console, "", 0.0

    def __call__(self, entry: Any) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            self.errors.append(event.step_failure_data.user_failure_data.description or "")
        elif event.is_step_failure and event.step_failure_data.error is not None:
            self.errors.append(_cause(event.step_failure_data.error).message[:500].strip())
        if event.event_type_value == "ASSET_MATERIALIZATION":
            table = ".".join(event.asset_key.path)
            metadata = event.step_materialization_data.materialization.metadata
            if metadata["state"].value == "published":
                self.days.setdefault(table, set()).add(parse_day(event.partition))
            self._add(table, metadata)

    def _add(self, table: str, metadata: Any) -> None:
        if table != self._open:
            self.finish()
            self._open, self._seconds = table, 0.0
        progress = self.tables.setdefault(table, TableProgress(table))
        progress.days += 1
        self._seconds += float(metadata["duration_s"].value)
        for name in ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted"):
            setattr(progress, name, getattr(progress, name) + int(metadata[name].value))
        progress.unchanged_days += metadata["state"].value in ("unchanged", "no_source_data")

    def finish(self) -> None:
        """Say what the open table came to."""
        if self._open and self._console:
            progress = self.tables[self._open]
            counts = f"{progress.rows_in:>9,} rows in, {progress.published:>9,} published"
            aside = [f"{getattr(progress, name):,} {name}" for name in ("quarantined", "deduplicated", "superseded") if getattr(progress, name)]
            same = ", nothing new" if progress.unchanged_days == progress.days else ""
            self._console.print(
                f"  {self._open:<38} {counts}{', ' if aside else ''}{', '.join(aside)}{same}  [dim]{self._seconds:.1f} s[/dim]", highlight=False
            )
        self._open = ""


def _cause(error: Any) -> Any:
    """What was raised: Dagster's own errors around it say only that a step failed."""
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    return error


def _show_plan(stages: Sequence[Stage], as_json: bool, console: Console) -> None:
    if as_json:
        console.print_json(json.dumps([{**asdict(stage), "days": [str(stage.days.first), str(stage.days.last)]} for stage in stages]))
        return
    for stage in stages:
        console.print(
            f"[bold]{stage.layer}[/bold]: {len(stage.tables)} tables, {len(stage.days)} days, {stage.days}{f' ({stage.why})' if stage.why else ''}"
        )
        console.print(f"  {', '.join(stage.tables)}", highlight=False)


def _show_end(result: StageResult, console: Console | None) -> None:
    if console is None:
        return
    said = "done" if result.succeeded else "[red]not all published[/red]"
    console.print(f"[bold]{result.stage.layer}[/bold] {said} in {result.seconds:.1f} s, run {result.run_id[:8]}", highlight=False)
    if result.replayed:
        console.print(
            f"  published beside the range, because what their rows refer to has come or changed: {', '.join(map(str, result.replayed))}",
            highlight=False,
        )
    for error in result.errors:
        console.print(error, style="red", highlight=False, markup=False)


def _as_json(result: StageResult) -> dict[str, Any]:
    return {
        "layer": result.stage.layer,
        "days": [str(result.stage.days.first), str(result.stage.days.last)],
        "run_id": result.run_id,
        "succeeded": result.succeeded,
        "seconds": round(result.seconds, 2),
        "tables": [asdict(progress) for progress in result.tables.values()],
        "errors": result.errors,
        "replayed": [str(day) for day in result.replayed],
    }
