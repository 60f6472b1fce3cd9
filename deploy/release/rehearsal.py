"""The rollback on a copy of a local lake: a bad deployment is played, undone by the same plan, and every table compared with what it was.

Real are the plan, the order, Delta's restore and the comparison. Played are the apps: ``az`` is a program of ours that keeps their images in a file
and takes `--start-s` until a new one is ready (Container Apps: 20 to 60 s by experience, never measured here). Played is the warehouse's start as well:
no table goes back before `--warehouse-s` (a sleeping PRO warehouse: about four minutes, as its maker says). What a RESTORE takes on it is not in it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from deploy.release.__main__ import summary
from deploy.release.azure import ContainerApps
from deploy.release.plan import APPS, DEADLINE_S, RESTORED, Restored, execute, plan_of
from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.contracts.names import TableName
from globalbev_assets.governance.scripts import unity_contracts

FAKE_AZ = Path(__file__).with_name("fake_az.py")


@dataclass
class LocalLake:
    """Tables in a folder, restored once a played warehouse has started."""

    root: Path
    start_s: float = 0.0
    ready_at: float = 0.0

    def wake(self) -> None:
        """Begin to start."""
        self.ready_at = time.monotonic() + self.start_s

    def stop_writers(self) -> int:
        """Nothing writes to the copy."""
        return 0

    def restore(self, name: TableName, moment: datetime) -> Restored:
        """Bring a table to what it was."""
        time.sleep(max(0.0, self.ready_at - time.monotonic()))
        path = self.root / name.layer / name.table
        if not (path / "_delta_log").is_dir():
            return "younger"
        table = DeltaTable(path)
        history = [entry for entry in table.history() if entry.get("timestamp")]
        if min(entry["timestamp"] for entry in history) > moment.timestamp() * 1000:
            return "younger"
        if max(entry["timestamp"] for entry in history) <= moment.timestamp() * 1000:
            return "unchanged"
        table.restore(moment)
        return "restored"


def fingerprint(path: Path) -> tuple[int, str]:
    """Rows and content of a table, whatever order its files are in."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.register("t", DeltaTable(path).to_pyarrow_table())
    count, content = connection.sql("select count(*), coalesce(sum(hash(t)), 0)::varchar from t").fetchall()[0]
    return count, content


def tables_of(root: Path) -> list[TableName]:
    """The tables of a lake that a rollback restores."""
    return [TableName(layer, log.parent.name) for layer in RESTORED for log in sorted((root / layer).glob("*/_delta_log"))]


def break_tables(root: Path) -> int:
    """What a bad deployment does: half of the tables lose all rows, the others get theirs twice. Returns how many were changed."""
    changed = 0
    for number, name in enumerate(tables_of(root)):
        table = DeltaTable(root / name.layer / name.table)
        rows: pa.Table = table.to_pyarrow_table()
        if rows.num_rows == 0:
            continue
        if number % 2:
            table.delete()
        else:
            write_deltalake(table, rows, mode="append")
        changed += 1
    return changed


def rehearse(lake: Path, work: Path, start_s: float, warehouse_s: float = 0.0) -> int:
    """Play it; 1 when a table is not what it was, or it took too long."""
    root = work / "lake"
    shutil.copytree(lake, root)
    before = {name: fingerprint(root / name.layer / name.table) for name in tables_of(root)}
    (work / "bin").mkdir()
    program = work / "bin" / "az"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_AZ} {work / "apps.json"} {start_s} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    os.environ["PATH"] = f"{work / 'bin'}{os.pathsep}{os.environ['PATH']}"
    time.sleep(0.05)  # Delta's times are milliseconds
    moment = datetime.now(UTC)
    time.sleep(0.05)
    changed = break_tables(root)
    sys.stdout.write(f"{len(before)} tables, {changed} of them broken by the deployment\n")
    started, platform = time.monotonic(), ContainerApps("dev")
    plan = plan_of("dev", platform.previous_image(APPS[0]), unity_contracts(load_contracts()).values(), moment)
    done = execute(plan, platform, LocalLake(root, warehouse_s), wait=lambda seconds: time.sleep(min(seconds, start_s)))
    seconds = time.monotonic() - started
    other = [str(name) for name, was in before.items() if fingerprint(root / name.layer / name.table) != was]
    sys.stdout.write(f"{summary(done, seconds)}\n{len(before) - len(other)} of {len(before)} tables are what they were\n")
    sys.stdout.write("".join(f"NOT what it was: {name}\n" for name in other))
    return 1 if other or seconds > DEADLINE_S else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release.rehearsal", description="Rehearse a rollback on a copy of a local lake.")
    parser.add_argument("lake", type=Path)
    parser.add_argument("--start-s", type=float, default=30.0, help="seconds until an app is ready with another image")
    parser.add_argument("--warehouse-s", type=float, default=240.0, help="seconds until the warehouse has started")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="globalbev-rollback-") as work:
        return rehearse(chosen.lake, Path(work), chosen.start_s, chosen.warehouse_s)


if __name__ == "__main__":
    sys.exit(main())
