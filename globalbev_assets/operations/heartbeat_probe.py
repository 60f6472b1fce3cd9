"""Asks Dagster's storage for signs of life, in a process of its own: a locked database would hold the asker up, and a broken one take it down.

Run as ``python -m globalbev_assets.operations.heartbeat_probe``; prints one JSON document. Only reads, and makes no database where there is none.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml


def main() -> int:
    """Print what the storage says; an error is one line on stderr."""
    try:
        sys.stdout.write(json.dumps(observed(Path(os.environ["DAGSTER_HOME"]))))
    except Exception as error:  # noqa: BLE001  whatever it is, the asker wants to know that there is no answer
        sys.stderr.write(f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
        return 1
    return 0


def observed(home: Path) -> dict[str, Any]:
    """Daemons' heartbeats, and the newest tick of the sensors that are on.

    Raises:
        FileNotFoundError: when the instance, or its database, is gone.
    """
    _check_there(home)
    import dagster as dg  # noqa: PLC0415  two seconds

    with dg.DagsterInstance.get() as instance:
        needed = list(instance.get_required_daemon_types())
        heartbeats = instance.get_daemon_heartbeats()
        sensors: list[Any] = [state.instigator_data for state in instance.all_instigator_state() if _is_running_sensor(state)]
    ticks = [tick for sensor in sensors if (tick := _last_tick(sensor)) is not None]
    return {
        "daemons": {kind: heartbeats[kind].timestamp if kind in heartbeats else None for kind in needed},
        "ticks": {"newest": max(ticks, default=None), "interval_s": min((sensor.min_interval or 30 for sensor in sensors), default=30)}
        if sensors
        else None,
    }


def _check_there(home: Path) -> None:
    """Dagster would make what is missing, and an empty instance looks like one that never ran."""
    configuration = home / "dagster.yaml"
    if not configuration.is_file():
        raise FileNotFoundError(f"{configuration} is gone")
    given = yaml.safe_load(configuration.read_text(encoding="utf-8")) or {}
    runs = home / "history" / "runs.db"
    if not {"storage", "run_storage"} & set(given) and not runs.is_file():
        raise FileNotFoundError(f"{runs} is gone")


def _is_running_sensor(state: Any) -> bool:
    from dagster._core.scheduler.instigation import InstigatorStatus, SensorInstigatorData  # noqa: PLC0415

    return state.status != InstigatorStatus.STOPPED and isinstance(state.instigator_data, SensorInstigatorData)


def _last_tick(sensor: Any) -> float | None:
    moments = (sensor.last_tick_timestamp, sensor.last_tick_start_timestamp, sensor.last_tick_success_timestamp)
    return max((moment for moment in moments if moment), default=None)


if __name__ == "__main__":
    sys.exit(main())
