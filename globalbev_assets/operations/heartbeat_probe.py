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
    """Daemons' heartbeats, and what each sensor that is on has done.

    ``{"daemons": {kind: seconds since 1970, or null}, "sensors": [{"name", "interval_s", "since", "tried", "good", "last"}]}``. Of a sensor: when
    it was switched on, when it was last tried, when a tick last ended well (with or without something to do), and the state of its newest tick.

    Raises:
        FileNotFoundError: when the instance, or its database, is gone.
    """
    _check_there(home)
    import dagster as dg  # noqa: PLC0415  two seconds

    with dg.DagsterInstance.get() as instance:
        needed = list(instance.get_required_daemon_types())
        heartbeats = instance.get_daemon_heartbeats()
        sensors = [_seen(instance, state) for state in instance.all_instigator_state() if _is_running_sensor(state)]
    return {"daemons": {kind: heartbeats[kind].timestamp if kind in heartbeats else None for kind in needed}, "sensors": sensors}


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


def _seen(instance: Any, state: Any) -> dict[str, Any]:
    """Dagster empties ``last_tick_success_timestamp`` when a tick begins and leaves it empty when it fails, so the ticks themselves are asked."""
    from dagster._core.scheduler.instigation import TickStatus  # noqa: PLC0415

    data, place = state.instigator_data, (state.instigator_origin_id, state.selector_id)
    newest = next(iter(instance.get_ticks(*place, limit=1)), None)
    good = next(iter(instance.get_ticks(*place, limit=1, statuses=[TickStatus.SUCCESS, TickStatus.SKIPPED])), None)
    return {
        "name": state.instigator_name,
        "interval_s": data.min_interval or 30,
        "since": data.last_sensor_start_timestamp,
        "tried": _newest(data.last_tick_timestamp, data.last_tick_start_timestamp, newest and newest.timestamp),
        "good": _newest(data.last_tick_success_timestamp, good and good.timestamp),
        "last": newest.status.value if newest else "",
    }


def _newest(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment), default=None)


if __name__ == "__main__":
    sys.exit(main())
