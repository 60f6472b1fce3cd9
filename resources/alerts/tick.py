"""One tick: read what happened, keep the incidents, record what is to be said, send what waits.

The order is what makes it safe. Incidents and messages are recorded in one commit before anything is sent; the cursor is kept by Dagster when the
tick has ended, so a tick that was killed anywhere is done again, and does nothing twice: incidents know the events that they have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
from filelock import FileLock, Timeout

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.freshness import made_up_for
from globalbev_assets.errors import TransientError
from resources.alerts.acceptance import Acceptance, Decision, accept, accepted_text
from resources.alerts.channels import Channel, Sender, channels_of, sender_of
from resources.alerts.check_events import observation_of
from resources.alerts.cursor import Cursor, start_of
from resources.alerts.dead_channels import undelivered
from resources.alerts.delivery import Round, deliver
from resources.alerts.documents import unusable
from resources.alerts.event_tail import Event, EventTail
from resources.alerts.facts import LakeFacts
from resources.alerts.failed_runs import checks_that_ran, failed_runs
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.long_runs import long_runs
from resources.alerts.messages import Message
from resources.alerts.notices import Notice, due
from resources.alerts.observations import CHECKS, RUN, Observation
from resources.alerts.outbox import Outbox, Recorded
from resources.alerts.register import Register
from resources.alerts.rendering import Writer
from resources.alerts.runbooks import FOLDER
from resources.failpoints import failpoint
from resources.ledger import Ledger
from resources.logs.events import emit
from resources.settings import Settings

MOST_EVENTS = 60_000
"""More check results than these are left for the next tick."""
LOCK_WAIT_S = 0.5


@dataclass(frozen=True)
class TickResult:
    """What a tick did."""

    cursor: str
    events: int
    messages: int
    sent: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """In a sentence, as the UI shows it."""
        if not (self.messages or self.sent or self.problems):
            return f"Nothing to tell: {self.events:,} events looked at."
        parts = [f"{self.events:,} events, {self.messages} new messages, {self.sent} sent"]
        return "; ".join([*parts, *self.problems])


@dataclass(frozen=True)
class Alerting:
    """The alerts of one installation."""

    settings: Settings
    book: ContractBook
    sender_of: Callable[[Channel], Sender]

    @classmethod
    def of(cls, settings: Settings, book: ContractBook) -> Alerting:
        """With the senders that the settings name."""
        return cls(settings, book, lambda channel: sender_of(channel, settings.home))

    @property
    def outbox(self) -> Outbox:
        """What is recorded."""
        return Outbox(self.settings.lake_root)

    def tick(self, instance: dg.DagsterInstance, cursor: str | None, at: datetime) -> TickResult:
        """Read, record, send.

        Raises:
            TransientError: GB-2203 the alerts cannot be read or recorded, GB-2205 another process is at it. The cursor then stays.
        """
        with self._alone():
            recorded = self.outbox.load()
            read = self._read(instance, cursor, recorded, at)
            recorded, messages = self._record(recorded, read, at)
            failpoint("alerts.recorded")
            done = self._send(recorded, at)
            failpoint("alerts.sent")
        return TickResult(read.cursor.text(), read.events, messages, done.sent, done.problems)

    def send(self, at: datetime) -> Round:
        """Only send what waits; what is left alone for a while is tried now."""
        with self._alone(wait_s=30.0):
            return self._send(self.outbox.load(), at, is_now=True)

    def accept(self, name: str, decision: Decision, at: datetime, *, is_dry_run: bool = False) -> Acceptance:
        """End an open incident with its days as they are. The message about it waits for the next tick: whoever types this may have other addresses.

        Raises:
            TerminalError: GB-2208 it is not open.
            TransientError: GB-2203 the alerts cannot be read or recorded, GB-2205 another process is at it.
        """
        with self._alone(wait_s=30.0):
            recorded = self.outbox.load()
            found = accept(recorded.incidents, name, decision, at, self.book)
            if not is_dry_run:
                self.outbox.save(recorded.with_changes(found.changed, [found.message]), at)
        return found

    def describe(self, incident: Incident) -> tuple[str, str]:
        """Title and text of the incident, as a message of now would have them."""
        if incident.is_accepted:
            return accepted_text(incident, self.book)
        message = self._writer(Lineage.of(self.book)).message(
            Notice(incident.id, "new" if incident.is_open else "over", (incident,)), incident.opened_at
        )
        return message.title, message.body

    def _writer(self, lineage: Lineage) -> Writer:
        facts = LakeFacts(self.settings.lake_root, self.book)
        runbooks = f"{self.settings.docs_url.rstrip('/')}/{FOLDER}" if self.settings.docs_url else FOLDER
        return Writer(self.book, lineage, facts.of, self.settings.dagster_url, runbooks)

    def _read(self, instance: dg.DagsterInstance, cursor: str | None, recorded: Recorded, at: datetime) -> _Read:
        tail = EventTail(instance)
        newest = tail.newest()
        start = start_of(cursor, tail.name, tail, newest, at)
        lineage = Lineage.of(self.book)
        register = Register(recorded.incidents.values(), lineage, start.log, made_up_for(self.book))
        events = _bounded(tail.checks_and_failures(start.event_id, newest))
        upto = events[-1].id if len(events) == MOST_EVENTS else newest
        seen = [found for event in events if not event.is_failed_run and (found := observation_of(event, self.book))]
        seen += failed_runs((event for event in events if event.is_failed_run), instance, tail, Ledger(self.settings.lake_root), lineage)
        seen += [*checks_that_ran(events, _waiting_for(CHECKS, register, seen))]
        made = tail.materialised(_waiting_for(RUN, register, seen), start.event_id, upto)
        seen += (Observation(event.asset, RUN, event.day, event.id, event.at, event.run_id) for event in made)
        seen += long_runs(instance, register.incidents, lineage, at, timedelta(minutes=self.settings.alert_run_minutes))
        register.observe(seen, at)
        return _Read(Cursor(start.log, upto), len(events), register.incidents, lineage)

    def _record(self, recorded: Recorded, read: _Read, at: datetime) -> tuple[Recorded, int]:
        # What one channel has taken was told: a channel that is dead for good must not silence the reminders of all others.
        waiting = {name for message in recorded.unsent if not message.is_taken for name in message.incidents}
        found = due(read.incidents, self.book, at, waiting)
        noted = {incident.id: incident for incident in read.incidents} | {incident.id: incident for incident in found.incidents}
        writer = self._writer(read.lineage)
        of_notices = [(notice, writer.message(notice, at)) for notice in found.notices]
        of_channels = undelivered(recorded.messages.values(), channels_of(self.settings), writer.runbooks, at)
        messages = [*(message for _, message in of_notices), *of_channels]
        if not messages and noted == dict(recorded.incidents):
            return recorded, 0
        kept = self.outbox.save(Recorded(noted, recorded.messages, recorded.table).with_changes((), messages), at)
        for message in [*(message for notice, message in of_notices if notice.kind == "new"), *of_channels]:
            _log(message, noted)
        return kept, len(messages)

    def _send(self, recorded: Recorded, at: datetime, *, is_now: bool = False) -> Round:
        """Send; what was sent and could not be noted down, on a full disk, is not sent again by this process."""
        kept = _unsaved.get(self.settings.lake_root, {})
        recorded = recorded.with_changes((), (message for name, message in kept.items() if name in recorded.messages))
        if not recorded.unsent and not kept:
            return Round((), 0, ())
        done = deliver(recorded.unsent, channels_of(self.settings), self.sender_of, at, is_now=is_now)
        if done.changed or kept:
            _unsaved[self.settings.lake_root] = kept | {message.id: message for message in done.changed}
            self.outbox.save(recorded.with_changes((), done.changed), at)
            del _unsaved[self.settings.lake_root]
        return done

    @contextmanager
    def _alone(self, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
        """One process at a time reads and sends: two would both send what waits."""
        path = self.settings.home / "state" / "alerts.lock"
        lock = FileLock(path, timeout=wait_s)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise TransientError(
                "GB-2205",
                "Another process is sending the alerts.",
                got=str(path),
                valid="one process at a time",
                todo="Try again in a moment: it is done within seconds.",
            ) from None
        except OSError as error:
            raise unusable(f"locking {path}", error) from error
        try:
            yield
        finally:
            lock.release()


_unsaved: dict[str, dict[str, Message]] = {}
"""By lake: messages as they are after a round that could not be recorded."""


@dataclass(frozen=True)
class _Read:
    cursor: Cursor
    events: int
    incidents: tuple[Incident, ...]
    lineage: Lineage


def _log(message: Message, incidents: Mapping[str, Incident]) -> None:
    """Say what is new where the logs go: it is there also when no channel takes the message."""
    about = [incidents[name] for name in message.incidents if name in incidents]
    where = {"run_id": about[0].run_id, "asset": about[0].table} if len(about) == 1 else {}
    emit("alert.raised", kind=message.kind, severity=message.severity, said=message.title, incidents=len(message.incidents), **where)


def _waiting_for(source: str, register: Register, seen: Iterable[Observation]) -> frozenset[str]:
    return register.tables_waiting_for(source).union(each.table for each in seen if each.source == source)


def _bounded(events: Iterator[Event]) -> list[Event]:
    found = []
    for event in events:
        found.append(event)
        if len(found) == MOST_EVENTS:
            break
    return found
