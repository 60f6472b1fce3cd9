"""What a table's own commits say of its days. The ledger is recorded once a step, so after a crash, or beside another run, the table knows better."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from resources.delta_log import DeltaLog, FolderLog
from resources.ledger import LedgerRow

# Operations that change no row, so that a day is after them what it was before. The contracts' SQL makes a workspace's constraints anew each time.
_NEUTRAL = (
    "CREATE TABLE", "OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "COMPUTE STATS", "REORG",
    "ADD CONSTRAINT", "DROP CONSTRAINT", "ADD COLUMNS", "ADD COLUMN", "CHANGE COLUMN", "UPGRADE PROTOCOL",
)  # fmt: skip


@dataclass(frozen=True)
class DayContent:
    """What was published of a day, and with which version of the table."""

    contract_version: str
    quarantined: int
    warned: int
    content_hash: str
    version: int = field(default=0, compare=False)


def held_contents(path: str, history: Mapping[date, LedgerRow], days: Iterable[date], log: DeltaLog | None = None) -> dict[date, DayContent]:
    """What the table holds of these days: the ledger's newest row, unless a later commit says otherwise.

    A day is missing where nothing is known for certain: it was never published, a commit that does not name its days (a restore, a deletion by
    hand) came later, or the log no longer reaches back so far.
    """
    known = {day: _of_row(history[day]) for day in days if day in history and history[day].is_readable}
    since = {day: known[day].version if day in known else 0 for day in days}
    if not since:
        return {}
    first = min(since.values())
    commits = (log or FolderLog()).history(path, first)
    oldest = min((int(commit["version"]) for commit in commits), default=first + 1)
    found = {day: content for day, content in known.items() if since[day] + 1 >= oldest}
    for commit in reversed(commits):
        _overlay(found, commit, since)
    return found


def days_between(path: str, after: int, upto: int, days: Iterable[date], log: DeltaLog | None = None) -> set[date]:
    """Those of the days that a commit after one version and up to another has written; all of them where one says nothing of its days."""
    wanted, found = set(days), set[date]()
    for commit in (log or FolderLog()).history(path, after):
        if commit["operation"] in _NEUTRAL or int(commit["version"]) > upto:
            continue
        said = _said(commit)
        found |= wanted if said is None else {day for day in wanted if str(day) in said["days"]}
    return found


def _overlay(found: dict[date, DayContent], commit: Mapping[str, Any], since: Mapping[date, int]) -> None:
    """Bring what is known up to one commit; ``since`` has, by day, the last version that was known before."""
    if commit["operation"] in _NEUTRAL:
        return
    version, said = int(commit["version"]), _said(commit)
    for day in [day for day in since if version > since[day]]:
        if said is None:
            found.pop(day, None)
        elif str(day) in said["days"]:
            _, _, quarantined, _, _, warned, content_hash = said["days"][str(day)]
            found[day] = DayContent(said["contract"], quarantined, warned, content_hash, version)


def _said(commit: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the publisher wrote into a commit; None when it is none of the publisher's."""
    try:
        said: dict[str, Any] = json.loads(commit["userMetadata"])
        is_ours = isinstance(said["contract"], str) and all(len(figures) == 7 for figures in said["days"].values())
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return said if is_ours else None


def _of_row(row: LedgerRow) -> DayContent:
    return DayContent(row.contract_version, row.quarantined, row.warned, row.content_hash, row.delta_version or 0)
