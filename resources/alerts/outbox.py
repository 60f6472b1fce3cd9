"""``ops.alerts``: every incident, and every message, recorded before it is sent and marked afterwards.

The table holds the newest state of each, a few rows; a change writes it anew, in one commit that fails when somebody else has written since it
was read. So incidents and the messages that tell of them are recorded together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from resources.alerts.documents import incident_document, message_document, read_incident, read_message, unusable
from resources.alerts.incident import Incident
from resources.alerts.messages import Message
from resources.alerts.wording import ranges
from resources.delta_creation import create
from resources.delta_dataset import rows_of
from resources.ledger import RETAINED_LOG_SETTINGS

KEPT = timedelta(days=180)
"""How long what is over or sent stays in the table."""


@dataclass(frozen=True)
class AlertRow:
    """One incident or one message, as the table shows it; ``document`` is all of it."""

    alert_id: str
    kind: Literal["incident", "message"]
    state: str
    table_name: str
    rule_id: str
    severity: str
    first_day: date | None
    last_day: date | None
    days: str
    run_id: str
    opened_at: datetime
    closed_at: datetime | None
    title: str
    attempts: int
    next_attempt_at: datetime | None
    recorded_at: datetime
    document: str


_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {"first_day": pa.date32(), "last_day": pa.date32(), "attempts": pa.int64()}
_TIMES = ("opened_at", "closed_at", "next_attempt_at", "recorded_at")
SCHEMA = pa.schema([(name, _TIME if name in _TIMES else _TYPES.get(name, pa.string())) for name in AlertRow.__dataclass_fields__])


@dataclass(frozen=True)
class Recorded:
    """What the table holds, and the version of it that was read."""

    incidents: Mapping[str, Incident]
    messages: Mapping[str, Message]
    table: DeltaTable | None = None

    def with_changes(self, incidents: Iterable[Incident], messages: Iterable[Message]) -> Recorded:
        """The same with these incidents and messages put in or replaced."""
        return Recorded(
            {**self.incidents, **{incident.id: incident for incident in incidents}},
            {**self.messages, **{message.id: message for message in messages}},
            self.table,
        )

    @property
    def unsent(self) -> tuple[Message, ...]:
        """The messages that some channel still has to take, oldest first."""
        waiting = (message for message in self.messages.values() if not message.is_sent)
        return tuple(sorted(waiting, key=lambda message: (message.created_at, message.id)))


class Outbox:
    """The table ``ops.alerts`` of one lake."""

    def __init__(self, lake_root: str) -> None:
        """Take the root of the lake; nothing is read yet."""
        self._path = f"{lake_root}/ops/alerts"

    def load(self) -> Recorded:
        """What is recorded.

        Raises:
            TransientError: GB-2203, when the table cannot be read.
        """
        try:
            table = DeltaTable(self._path)
            rows = rows_of(table, ["kind", "document"]).to_pylist()
        except TableNotFoundError:
            return Recorded({}, {})
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise unusable("reading", error) from error
        incidents = [read_incident(row["document"]) for row in rows if row["kind"] == "incident"]
        messages = [read_message(row["document"]) for row in rows if row["kind"] == "message"]
        return Recorded(
            {incident.id: incident for incident in sorted(incidents, key=lambda each: (each.opened_at, each.id))},
            {message.id: message for message in messages},
            table,
        )

    def save(self, recorded: Recorded, at: datetime) -> Recorded:
        """Record it; gives back what is now recorded.

        Raises:
            TransientError: GB-2203, when the table cannot be written or somebody wrote it meanwhile; GB-3041, while the contracts' SQL has not made
                it in a lake that is no folder.
        """
        kept = _without_old(recorded, at)
        rows = [_incident_row(each, at) for each in kept.incidents.values()] + [_message_row(each, at) for each in kept.messages.values()]
        data = pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMA)
        try:
            if recorded.table is None:
                create(self._path, SCHEMA, RETAINED_LOG_SETTINGS, name="alerts")
            before = recorded.table or DeltaTable(self._path)
            if recorded.table is None and before.version() > 0:
                raise DeltaError("somebody else has written the table since there was none")
            write_deltalake(before, data, mode="overwrite")
            table = DeltaTable(self._path)
        except (DeltaError, OSError, ValueError, pa.ArrowException) as error:
            raise unusable("writing", error) from error
        return Recorded(kept.incidents, kept.messages, table)


def _without_old(recorded: Recorded, at: datetime) -> Recorded:
    incidents = {name: each for name, each in recorded.incidents.items() if not _is_old(each.closed_at if each.closing else None, at)}
    messages = {name: each for name, each in recorded.messages.items() if not each.is_sent or not _is_old(each.created_at, at)}
    return Recorded(incidents, messages, recorded.table)


def _is_old(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and at - moment > KEPT


def _incident_row(incident: Incident, at: datetime) -> AlertRow:
    days = [date.fromisoformat(day) for day in incident.all_days if day]
    return AlertRow(
        alert_id=incident.id,
        kind="incident",
        state="open" if incident.is_open else "over",
        table_name=incident.table,
        rule_id=incident.rule,
        severity=incident.severity,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        days=ranges(incident.all_days),
        run_id=incident.run_id,
        opened_at=incident.opened_at,
        closed_at=incident.closed_at,
        title="",
        attempts=incident.reminders,
        next_attempt_at=None,
        recorded_at=at,
        document=incident_document(incident),
    )


def _message_row(message: Message, at: datetime) -> AlertRow:
    nothing: dict[str, Any] = {"table_name": "", "rule_id": "", "first_day": None, "last_day": None, "days": "", "run_id": "", "closed_at": None}
    return AlertRow(
        alert_id=message.id,
        kind="message",
        state="sent" if message.is_sent else "waiting",
        severity=message.severity,
        opened_at=message.created_at,
        title=message.title,
        attempts=message.attempts,
        next_attempt_at=message.next_at,
        recorded_at=at,
        document=message_document(message),
        **nothing,
    )
