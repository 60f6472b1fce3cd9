"""The bundle's jobs, typed: the SQL of the contracts applied, and the weekly maintenance. Read by `databricks bundle deploy` and by the tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from databricks.bundles.core import Bundle, Resources, Variable, variables
from databricks.bundles.jobs import (
    CronSchedule,
    Job,
    JobEmailNotifications,
    JobRunAs,
    PauseStatus,
    QueueSettings,
    Source,
    SqlTask,
    SqlTaskFile,
    Task,
    TaskDependency,
)

GENERATED = Path(__file__).parents[1] / "generated"
TAGS = {"team": "data-platform", "data_product": "globalbev-lakehouse"}
MINUTE = 60


@variables
class Variables:
    """The variables of databricks.yml."""

    warehouse_id: Variable[str]
    deployer_client_id: Variable[str]
    pipeline_client_id: Variable[str]
    mail_address: Variable[str]


def load_resources(bundle: Bundle) -> Resources:
    """The jobs of a target; SystemExit when nothing was generated, so that no empty job is deployed over a full one."""
    del bundle  # the same jobs in every target: what differs are variables
    scripts = sorted(path.relative_to(GENERATED).as_posix() for path in GENERATED.rglob("*.sql"))
    if not scripts:
        raise SystemExit(f"nothing to apply in {GENERATED}: run `globalbev contract unity --catalog … --lake … --out {GENERATED}` first")
    resources = Resources()
    resources.add_job("apply_contracts", apply_job([name for name in scripts if not name.startswith("maintenance/")]))
    resources.add_job("maintain_tables", maintenance_job())
    return resources


def apply_job(scripts: Iterable[str]) -> Job:
    """One task a script; the scripts of a phase (the number before the name) side by side, each phase after the one before."""
    phases: dict[str, list[str]] = {}
    for name in sorted(scripts):
        phases.setdefault(name[:2], []).append(name)
    tasks: list[Task] = []
    before: list[str] = []
    for names in phases.values():
        tasks += [_task(name, before) for name in names]
        before = [_key(name) for name in names]
    return Job(
        name="globalbev: apply the contracts",
        description="Tables, constraints, tags, masks, row filters and grants, as the contracts say. May be run again at any time.",
        tasks=tasks,
        run_as=JobRunAs(service_principal_name=Variables.deployer_client_id),
        timeout_seconds=60 * MINUTE,
        **_usual(),
    )


def maintenance_job() -> Job:
    """OPTIMIZE, then VACUUM, on Sundays when no nightly run is under way."""
    optimize, vacuum = "maintenance/optimize.sql", "maintenance/vacuum.sql"
    return Job(
        name="globalbev: maintain the tables",
        description="Joins small files and removes those that no version within the retention needs.",
        tasks=[_task(optimize, []), _task(vacuum, [_key(optimize)])],
        run_as=JobRunAs(service_principal_name=Variables.pipeline_client_id),
        schedule=CronSchedule(quartz_cron_expression="0 0 11 ? * SUN", timezone_id="UTC", pause_status=PauseStatus.UNPAUSED),
        timeout_seconds=6 * 60 * MINUTE,
        **_usual(),
    )


def _usual() -> dict[str, object]:
    return {
        "max_concurrent_runs": 1,
        "queue": QueueSettings(enabled=True),
        "tags": TAGS,
        "email_notifications": JobEmailNotifications(on_failure=[Variables.mail_address]),
    }


def _task(name: str, before: Iterable[str]) -> Task:
    return Task(
        task_key=_key(name),
        depends_on=[TaskDependency(task_key=key) for key in before],
        sql_task=SqlTask(warehouse_id=Variables.warehouse_id, file=SqlTaskFile(path=f"generated/{name}", source=Source.WORKSPACE)),
        max_retries=1,
        timeout_seconds=30 * MINUTE if not name.startswith("maintenance/") else 5 * 60 * MINUTE,
    )


def _key(name: str) -> str:
    """A task's key: letters, digits, - and _ alone."""
    return name.removesuffix(".sql").replace("/", "-")
