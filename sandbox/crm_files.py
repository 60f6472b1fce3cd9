"""The CRM's deliveries: a weekly file of what is new, and what goes wrong with files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from partitions.days import DayRange

from .crm import FEED, HEADER, Contact, defects_of, seen_again, stranger, with_wrong_tier
from .dice import dice
from .landing import Landing, csv_bytes
from .ledger import Defect

SEMICOLON, TWICE, RENAMED, CORRECTED = 4, 5, 8, 11
CP1252 = (0, 6)
SPOILT_AFTER_WEEKS = (7, 9, 13, 15, 17)
DAYS_APART = 10_000


@dataclass(frozen=True)
class Increment:
    """What one file holds: contacts that are new, that were seen again, and that stand in it twice."""

    day: date
    name: str
    new: Sequence[Contact]
    again: Sequence[Contact]
    twice: Sequence[Contact] = ()
    delimiter: str = ","
    encoding: str = "utf-8"

    def content(self) -> bytes:
        """The file."""
        rows = [contact.row for contact in self.new] + [seen_again(contact, self.day) for contact in (*self.again, *self.twice)]
        return csv_bytes(HEADER, rows, delimiter=self.delimiter, encoding=self.encoding)


def deliver_history(root: Path, seed: int, known: Sequence[Contact], days: DayRange) -> list[Defect]:
    """Weekly files over the window: most contacts with the first, the others later, and what goes wrong with files."""
    landing = Landing(root, FEED)
    weeks = [days.first + timedelta(days=7 * week) for week in range(len(days) // 7 + 1)]
    arrival = {contact.row[0]: _first_week(seed, contact, len(weeks)) for contact in known}
    for week, day in enumerate(weeks):
        new = [contact for contact in known if arrival[contact.row[0]] == week]
        again = [c for c in known if arrival[c.row[0]] < week and c.is_clean and dice(seed, "again", week, c.row[0]).random() < 0.03]
        _deliver_week(landing, seed, week, Increment(day, f"contacts_{day}.csv", new, again))
    landing.spoil_csv([weeks[week] + timedelta(days=1) for week in SPOILT_AFTER_WEEKS], "contacts_export", HEADER, known[0].row)
    landing.still_writing(days.last, "contacts_part.csv", csv_bytes(HEADER, [contact.row for contact in known[:40]])[:-37])
    return landing.defects


def deliver_day(root: Path, seed: int, known: Sequence[Contact], day: date) -> list[Defect]:
    """One day's increment, for the days after the window: new strangers and contacts seen again."""
    landing = Landing(root, FEED)
    number = 50_000 + day.toordinal() % DAYS_APART * 10
    new = [stranger(seed, number + offset, day) for offset in range(8)]
    again = [contact for contact in known if contact.is_clean and dice(seed, "again", day, contact.row[0]).random() < 0.01]
    _write(landing, Increment(day, f"contacts_{day}.csv", new, again))
    return landing.defects


def _first_week(seed: int, contact: Contact, weeks: int) -> int:
    luck = dice(seed, "arrival", contact.row[0])
    return 0 if luck.random() < 0.7 else luck.randrange(1, weeks)


def _deliver_week(landing: Landing, seed: int, week: int, plan: Increment) -> None:
    day, twice = plan.day, _twice(seed, plan.new)
    if week in (TWICE, RENAMED, CORRECTED):
        twice = []
    if week == CORRECTED:
        wrong = [with_wrong_tier(contact) for contact in (*plan.new, *plan.again)]
        landing.deliver(day, plan.name, csv_bytes(HEADER, wrong))
        landing.note(day, plan.name, "corrected_later", "superseded", rows=len(wrong))
        day += timedelta(days=2)
    delimiter, encoding = ";" if week == SEMICOLON else ",", "cp1252" if week in CP1252 else "utf-8"
    content = _write(landing, Increment(day, plan.name, plan.new, plan.again, twice, delimiter, encoding))
    if week == TWICE:
        landing.spoil(day + timedelta(days=1), plan.name, content, "delivered_twice", "duplicate_file")
    if week == RENAMED:
        landing.spoil(day + timedelta(days=1), f"copy_of_{plan.name}", content, "same_content_renamed", "duplicate_file")


def _twice(seed: int, new: Sequence[Contact]) -> list[Contact]:
    return [contact for contact in new if contact.is_clean and dice(seed, "twice", contact.row[0]).random() < 0.05][:2]


def _write(landing: Landing, plan: Increment) -> bytes:
    content = plan.content()
    landing.deliver(plan.day, plan.name, content, has_marker=plan.day.toordinal() % 3 > 0)
    file = f"{FEED}/{plan.day}/{plan.name}"
    for position, contact in enumerate(plan.new, start=1):
        landing.defects.extend(defects_of(contact, file, position, plan.day))
        if contact in plan.twice:
            key = {"contact_id": contact.row[0], "file": file, "position": position}
            landing.defects.append(Defect(FEED, key, "twice_in_file", "deduplicated", "silver.crm_contacts", "duplicate_key", "contact_id", plan.day))
    return content
