"""The columns of the table in Log Analytics, and how an event becomes a row of it.

``deploy/log-analytics/`` and ``deploy/kql/`` are written against this list; tests hold them to it. What has no column stands in ``Properties``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

TABLE = "GlobalBev_CL"
STREAM = f"Custom-{TABLE}"
# Log Analytics takes 64 kB a value and 1 MB a call.
MOST_IN_PROPERTIES = 32_000
# Column: its type in Log Analytics, and the field of the event that fills it.
COLUMNS: Mapping[str, tuple[str, str]] = {
    "TimeGenerated": ("datetime", "timestamp"),
    "Level": ("string", "level"),
    "Logger": ("string", "logger"),
    "Event": ("string", "event"),
    "Message": ("string", "message"),
    "Environment": ("string", "environment"),
    "Host": ("string", "host"),
    "RunId": ("string", "run_id"),
    "Step": ("string", "step"),
    "Asset": ("string", "asset"),
    "Days": ("string", "days"),
    "DurationSeconds": ("real", "duration_s"),
    "RowsIn": ("long", "rows_in"),
    "Published": ("long", "published"),
    "Quarantined": ("long", "quarantined"),
    "Deduplicated": ("long", "deduplicated"),
    "Superseded": ("long", "superseded"),
    "Unaccounted": ("long", "unaccounted"),
    "HeldDays": ("long", "held_days"),
    "FailedDays": ("long", "failed_days"),
    "FailedTables": ("long", "failed_tables"),
    "Code": ("string", "code"),
    "Reason": ("string", "reason"),
    "Error": ("string", "error"),
    "EventId": ("string", "event_id"),
    "Properties": ("dynamic", ""),
}
_FIELDS = {field: column for column, (_, field) in COLUMNS.items() if field}
_CASTS = {"real": float, "long": int, "string": str, "datetime": str}


def row_of(fields: Mapping[str, Any], environment: str, host: str) -> dict[str, Any]:
    """An event as a row; ``EventId`` tells a row that was sent twice, which an outage in the middle of an answer can bring about."""
    given = {**fields, "environment": environment, "host": host, "event_id": uuid.uuid4().hex}
    if "exception" in given and not given.get("error"):
        given["error"] = given.pop("exception")
    row = {_FIELDS[name]: _cast(name, value) for name, value in given.items() if name in _FIELDS and value is not None}
    rest = {name: value for name, value in given.items() if name not in _FIELDS and value is not None}
    if rest:
        row["Properties"] = rest if len(json.dumps(rest, default=str)) <= MOST_IN_PROPERTIES else {"cut": ", ".join(sorted(rest))[:1000]}
    return row


def _cast(name: str, value: Any) -> Any:
    """A value of another type than its column's would make Log Analytics drop it silently."""
    kind = _CASTS[COLUMNS[_FIELDS[name]][0]]
    try:
        return kind(value)
    except (TypeError, ValueError):
        return None
