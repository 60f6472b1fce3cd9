"""The command of the deployment job and of the rollback job."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from deploy.release.azure import ContainerApps
from deploy.release.plan import APPS, DEADLINE_S, Done, execute, plan_of
from deploy.release.warehouse import Warehouse
from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.governance.scripts import unity_contracts
from globalbev_assets.transforms.schemas import FILE_RETENTION_DAYS

IMAGE = re.compile(r"[a-z0-9]+\.azurecr\.io/[a-z0-9/_-]+(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]{1,128})\Z")


PREVIOUS = "previous"


def moment(value: str) -> datetime:
    """A time with its zone: data that goes back by an hour too far is data lost."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError("say the zone as well, such as 2026-11-25T06:00:00Z")
    if parsed > datetime.now(UTC):
        raise argparse.ArgumentTypeError("that is in the future")
    if parsed < datetime.now(UTC) - timedelta(days=FILE_RETENTION_DAYS):
        raise argparse.ArgumentTypeError(
            f"files are kept for {FILE_RETENTION_DAYS} days: what the tables were before is gone, or goes while they are restored"
        )
    return parsed


def image(value: str) -> str:
    """An image of our registry, by digest or tag, or the word for the one before."""
    if value != PREVIOUS and not IMAGE.match(value):
        raise argparse.ArgumentTypeError(f"such as crglobalbevprodgb01.azurecr.io/globalbev@sha256:…, or {PREVIOUS}")
    return value


def commit(value: str) -> str:
    """A commit by all its digits: its first twelve are part of a name."""
    if not re.fullmatch(r"[0-9a-f]{40}", value):
        raise argparse.ArgumentTypeError("all 40 digits of a commit")
    return value


def summary(done: Sequence[Done], seconds: float, promised_s: float = DEADLINE_S) -> str:
    """What was done, for a person."""
    lines = [f"{one.duration_s:7.1f} s  {one.step}: {one.outcome}" for one in done]
    kept = "within" if seconds <= promised_s else "OVER"
    return "\n".join([*lines, f"{seconds:7.1f} s  in all, {kept} the {promised_s:.0f} s that are promised"])


def main() -> int:
    """Make the plan; do it unless it is only to be shown."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.release", description="An image into the four apps; if wished the tables back to what they were."
    )
    parser.add_argument("environment", choices=("dev", "test", "prod"))
    parser.add_argument("--image", type=image, required=True)
    parser.add_argument("--data-to", type=moment, help="a time with its zone; without it the tables stay as they are")
    parser.add_argument("--promised", type=float, default=DEADLINE_S, help="seconds after which it counts as failed, though it is done to its end")
    parser.add_argument(
        "--commit", type=commit, help="what is deployed, by which deploy.release.order tells what is newer; without it it is a way back"
    )
    parser.add_argument("--dry-run", action="store_true")
    chosen = parser.parse_args()
    platform = ContainerApps(chosen.environment, f"c{chosen.commit[:12]}" if chosen.commit else "back")
    chosen_image = platform.previous_image(APPS[0]) if chosen.image == PREVIOUS else chosen.image
    plan = plan_of(chosen.environment, chosen_image, unity_contracts(load_contracts()).values(), chosen.data_to)
    sys.stdout.write("".join(f"{line}\n" for line in plan.lines()))
    if chosen.dry_run:
        return 0
    lake = Warehouse(f"globalbev_{chosen.environment}", os.environ.get("WAREHOUSE_ID", ""), os.environ.get("PIPELINE_CLIENT_ID", ""))
    if plan.tables and not lake.warehouse_id:
        raise SystemExit("WAREHOUSE_ID is not set, and tables go back on a warehouse: `terraform output settings` has it. Nothing was done.")
    if plan.tables and not lake.pipeline:
        raise SystemExit(
            "PIPELINE_CLIENT_ID is not set, and its steps have to end: `terraform output client_ids` has it (pipeline). Nothing was done."
        )
    started = time.monotonic()
    done = execute(plan, platform, lake)
    seconds = time.monotonic() - started
    sys.stdout.write(f"{summary(done, seconds, chosen.promised)}\n")
    tables = {str(name) for name in plan.tables}
    if tables and {one.outcome for one in done if one.step in tables} == {"younger"}:
        sys.stdout.write("No table was there at that time, so nothing went back: is it the right one?\n")
        return 1
    return 0 if seconds <= chosen.promised else 1


if __name__ == "__main__":
    sys.exit(main())
