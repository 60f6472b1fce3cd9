"""A notice becomes a message: title and text, as a colleague would write them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.verdicts import plain
from resources.alerts.business import effect_of, how_much, reports_touched
from resources.alerts.commands import next_command
from resources.alerts.contracts import contract_of, in_words
from resources.alerts.facts import Facts
from resources.alerts.incident import Incident
from resources.alerts.lineage import Lineage
from resources.alerts.messages import Message
from resources.alerts.notices import Notice, remind_after
from resources.alerts.observations import NO_DAY, NOT_CHECKED, NOT_PUBLISHED, RUN_FAILED, Breach
from resources.alerts.runbooks import runbook_link, runbook_of
from resources.alerts.wording import line, ranges

MOST_LINES = 15
SIGNS = {"error": "FAILED", "warn": "warning"}


@dataclass(frozen=True)
class Writer:
    """Writes messages; ``facts`` is asked once an incident."""

    book: ContractBook
    lineage: Lineage
    facts: Callable[[Incident], Facts]
    dagster_url: str
    runbooks: str

    def message(self, notice: Notice, at: datetime) -> Message:
        """The message of a notice."""
        title, lines = self._digest(notice) if notice.is_digest else self._single(notice)
        names = tuple(incident.id for incident in notice.incidents)
        alert = names[0] if len(names) == 1 else f"{len(names):,} incidents"
        body = "\n".join([*lines, line("Alert", f"{alert}, message {notice.id}")])
        return Message(notice.id, "digest" if notice.is_digest else notice.kind, notice.severities, names, title, body, at)

    def _single(self, notice: Notice) -> tuple[str, list[str]]:
        incident = notice.incidents[0]
        if notice.kind == "over":
            return f"Over: {incident.table}, {ranges(incident.all_days)}. Met again: {self._rule(incident)}", list(self._over(incident))
        sign = SIGNS[incident.severity] if notice.kind == "new" else f"Still {SIGNS[incident.severity]} since {incident.opened_at:%Y-%m-%d %H:%M}"
        return f"{sign}: {self._headline(incident, incident.open_days)}", list(self._open(incident))

    def _headline(self, incident: Incident, days: tuple[str, ...]) -> str:
        return f"{incident.table}, {ranges(days)}. Not met: {self._rule(incident)}"

    def _rule(self, incident: Incident) -> str:
        return in_words(contract_of(self.book, incident.table), incident.rule)

    def _open(self, incident: Incident) -> Iterator[str]:
        contract, facts = contract_of(self.book, incident.table), self.facts(incident)
        yield line("Table", incident.table)
        yield line("Days", f"{ranges(incident.open_days)} ({len(incident.open_days)})" if any(incident.open_days) else "the table as a whole")
        yield line("Rule", f"{self._rule(incident)} ({incident.rule})")
        if incident.breach:
            yield from _values(incident.breach, incident.newest_day, facts.before)
        if facts.keys:
            yield line("Rows", "; ".join(facts.keys))
        yield from self._meaning(incident, facts)
        yield line("Owner", contract.owner if contract else "nobody: no contract describes it")
        yield line("Next", next_command(incident, contract))
        if incident.run_id:
            yield line("Run", self._run_link(incident))
        yield line("Runbook", self._runbook(incident))
        yield line(
            "Since", f"{incident.opened_at:%Y-%m-%d %H:%M} UTC; told again every {remind_after(incident, self.book).total_seconds() / 3600:.0f} h"
        )

    def _meaning(self, incident: Incident, facts: Facts) -> Iterator[str]:
        has_days = any(day != NO_DAY for day in incident.all_days)
        amount = how_much(facts.touched, is_held=incident.severity == "error") if has_days else ""
        yield line("Means", f"{effect_of(incident)} {amount}".strip())
        downstream = self.lineage.downstream(incident.table)
        if downstream:
            yield line("Below", ", ".join(downstream))
        for report in reports_touched(incident, self.book, self.lineage):
            yield line("Touches", report)
        if incident.joined:
            yield line("Also", "; ".join(_joined(incident)[:MOST_LINES]))

    def _over(self, incident: Incident) -> Iterator[str]:
        yield line("Table", incident.table)
        yield line("Days", ranges(incident.all_days))
        yield line("Rule", f"{self._rule(incident)} ({incident.rule})")
        if incident.closed_at:
            yield line("Lasted", f"{incident.opened_at:%Y-%m-%d %H:%M} to {incident.closed_at:%Y-%m-%d %H:%M} UTC")
        if incident.joined:
            yield line("Left", f"still broken behind it: {'; '.join(_joined(incident)[:MOST_LINES])}")
            yield line("Next", next_command(incident, contract_of(self.book, incident.table)))

    def _digest(self, notice: Notice) -> tuple[str, list[str]]:
        incidents = notice.incidents
        tables = Counter(incident.table for incident in incidents)
        days = ranges({day for incident in incidents for day in incident.all_days})
        said = {"new": "new alerts at once", "reminder": "alerts are still open", "over": "alerts are over"}[notice.kind]
        lines = [line("Days", days), line("Tables", f"{len(tables)}: {_most(tables)}")]
        lines.append(line("Rules", _most(Counter(incident.rule for incident in incidents))))
        failed = sum(incident.severity == "error" for incident in incidents)
        lines.append(line("Worst", f"{failed:,} failed, {len(incidents) - failed:,} warned"))
        first = min(incidents, key=lambda one: (one.severity != "error", self.lineage.depth(one.table), one.opened_at))
        owners = sorted({contract.owner for table in tables if (contract := contract_of(self.book, table))})
        lines += [line("Owners", ", ".join(owners)), line("First", self._headline(first, first.all_days))]
        if notice.kind != "over":
            lines += [line("Next", "globalbev alerts --open"), line("Runbook", self._runbook(first))]
        return f"{len(incidents):,} {said}: {_most(tables, 3)}", lines

    def _run_link(self, incident: Incident) -> str:
        return f"{self.dagster_url.rstrip('/')}/runs/{incident.run_id}"

    def _runbook(self, incident: Incident) -> str:
        return runbook_link(runbook_of(contract_of(self.book, incident.table), incident.rule), self.runbooks)


def _values(breach: Breach, day: str, before: tuple[Decimal, ...]) -> Iterator[str]:
    if breach.observed is not None:
        yield line("Value", f"{plain(breach.observed)}{f' on {day}' if day else ''}; allowed is {_allowed(breach)}")
    if breach.said:
        yield line("Found", breach.said)
    if before:
        yield line("Before", ", ".join(plain(value) for value in before))


def _allowed(breach: Breach) -> str:
    if breach.minimum is not None and breach.minimum == breach.maximum:
        return plain(breach.minimum)
    parts = [f"at least {plain(breach.minimum)}"] if breach.minimum is not None else []
    parts += [f"at most {plain(breach.maximum)}"] if breach.maximum is not None else []
    return " and ".join(parts) or "anything"


def _joined(incident: Incident) -> list[str]:
    by_table: dict[str, set[str]] = {}
    rules: dict[str, set[str]] = {}
    for (table, rule), days in incident.broken.items():
        if (table, rule) != incident.root:
            by_table.setdefault(table, set()).update(days)
            rules.setdefault(table, set()).add("not published" if rule in (RUN_FAILED, NOT_PUBLISHED, NOT_CHECKED) else rule)
    return [f"{table} {ranges(days)} ({', '.join(sorted(rules[table]))})" for table, days in by_table.items()]


def _most(counts: Counter[str], most: int = 10) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(most))
    return shown + (f" and {len(counts) - most} more" if len(counts) > most else "")
