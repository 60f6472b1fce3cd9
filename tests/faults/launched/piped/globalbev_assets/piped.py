"""What stands for our packages on serverless compute in these tests: tells of each table and day, and publishes nothing."""

import os
import time
from typing import Any


def publish(pipes: Any) -> None:
    """As the order says."""
    order = pipes.extras
    for table in order["tables"]:
        row = {"table_name": table, "run_id": pipes.run_id, "state": "published", "recorded_at": "2026-06-03T04:05:06+00:00", "contract_version": "1"}
        rows = [{**row, "business_day": day, "published": len(os.environ["GLOBALBEV_SHOP_DSN"]), "reason": __file__} for day in order["days"]]
        event = {"event": "table.published", "run_id": pipes.run_id, "asset": table, "published": 6, "duration_s": 0.5}
        pipes.report_custom_message({"logged": {"fields": event, "created": 1780000000.25}})
        pipes.report_custom_message({"table": table, "rows": rows, "results": [], "drift": None, "error": None})
    if order["layer"] == "waits" or (order["layer"] == "waits once" and pipes.retry_number == 0):
        time.sleep(30)
    pipes.report_custom_message({"globalbev": "done"})
