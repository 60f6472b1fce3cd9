"""The CRM's contacts: mostly the shop's customers under another spelling, delivered as weekly increments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from partitions.days import DayRange

from .addresses import address
from .customers import Customer
from .dice import dice
from .landing import Landing, csv_bytes
from .ledger import Defect
from .people import Person, person
from .spellings import Spelling, email, phone

FEED = "crm_contacts"
HEADER = "contact_id first_name last_name email phone address_line city state zip country loyalty_tier last_seen shop_customer_id".split()  # noqa: SIM905
TIERS = ("bronze", "silver", "gold", "platinum")
NICKNAMES = {"Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Michael": "Mike", "James": "Jim", "Thomas": "Tom", "Katherine": "Kate"}
ACCENTED = (("José", "Muñoz"), ("Zoë", "Brontë"), ("André", "Lefèvre"), ("Søren", "Jørgensen"))
TIER, SEEN = HEADER.index("loyalty_tier"), HEADER.index("last_seen")


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact: its row as first delivered, what is wrong with it, and whose shop account it truly is."""

    row: tuple[Any, ...]
    spelled: dict[str, Spelling]
    customer_id: int | None

    @property
    def is_clean(self) -> bool:
        """Whether nothing in it is unreadable: only such contacts are delivered again."""
        return all(text.outcome != "warned" for text in self.spelled.values())


def contacts(seed: int, known: Sequence[Customer], first_day: date) -> list[Contact]:
    """Six in ten customers, and a third as many people whom only the CRM knows."""
    chosen = [customer for customer in known if dice(seed, "in_crm", customer.customer_id).random() < 0.6]
    made = [_contact(seed, 100_000 + customer.customer_id, customer.who, customer.customer_id, first_day) for customer in chosen]
    return made + [stranger(seed, number, first_day) for number in range(len(chosen) // 3)]


def stranger(seed: int, number: int, day: date) -> Contact:
    """A contact without a shop account."""
    who = person(seed, ("US-OH", "US-TX", "GB")[number % 3], "stranger", number)
    if number % 40 == 0:
        first, last = ACCENTED[number // 40 % len(ACCENTED)]
        who = replace(who, first_name=first, last_name=last)
    return _contact(seed, 9_000_000 + number, who, None, day)


def _contact(seed: int, number: int, who: Person, customer_id: int | None, day: date) -> Contact:
    luck = dice(seed, "contact", number)
    where = address(luck, who)
    first = NICKNAMES.get(who.first_name, who.first_name) if luck.random() < 0.5 else who.first_name
    last = who.last_name.upper() if luck.random() < 0.1 else who.last_name
    spelled = {
        "email": email(luck, who.email) if luck.random() > 0.1 else Spelling(None),
        "phone": phone(luck, who.region.country, who.national_phone) if luck.random() > 0.1 else Spelling(None),
        "address_line": where.street,
        "city": where.city,
        "state": where.region,
        "zip": where.postal_code,
        "country": where.country,
    }
    linked = customer_id if customer_id is not None and luck.random() < 0.15 else None
    seen = day - timedelta(days=luck.randint(1, 300))
    row = (f"CRM-{number:07d}", first, last, *(text.raw for text in spelled.values()), luck.choice(TIERS), str(seen), linked)
    return Contact(row, spelled, customer_id)


def deliver_history(root: Path, seed: int, known: Sequence[Contact], days: DayRange) -> list[Defect]:
    """Weekly files over the window: most contacts with the first, the others later, and what goes wrong with files."""
    landing = Landing(root, FEED)
    weeks = [days.first + timedelta(days=7 * week) for week in range(len(days) // 7 + 1)]
    arrival = {contact.row[0]: _first_week(seed, contact, len(weeks)) for contact in known}
    for week, day in enumerate(weeks):
        new = [contact for contact in known if arrival[contact.row[0]] == week]
        again = [c for c in known if arrival[c.row[0]] < week and c.is_clean and dice(seed, "again", week, c.row[0]).random() < 0.03]
        _deliver_week(landing, seed, week, day, new, again)
    landing.spoil_csv([weeks[week] + timedelta(days=1) for week in (7, 9, 13, 15, 17)], "contacts_export", HEADER, known[0].row)
    landing.still_writing(days.last, "contacts_part.csv", csv_bytes(HEADER, [contact.row for contact in known[:40]])[:-37])
    return landing.defects


def deliver_day(root: Path, seed: int, known: Sequence[Contact], day: date) -> list[Defect]:
    """One day's increment, for the days after the window: new strangers and contacts seen again."""
    landing = Landing(root, FEED)
    number = 50_000 + day.toordinal() % 10_000 * 10
    new = [stranger(seed, number + offset, day) for offset in range(8)]
    again = [contact for contact in known if contact.is_clean and dice(seed, "again", day, contact.row[0]).random() < 0.01]
    _write_file(landing, day, new, again, [])
    return landing.defects


def _first_week(seed: int, contact: Contact, weeks: int) -> int:
    luck = dice(seed, "arrival", contact.row[0])
    return 0 if luck.random() < 0.7 else luck.randrange(1, weeks)


def _deliver_week(landing: Landing, seed: int, week: int, day: date, new: list[Contact], again: list[Contact]) -> None:
    name = f"contacts_{day}.csv"
    twice = [contact for contact in new if contact.is_clean and dice(seed, "twice", contact.row[0]).random() < 0.05][:2] if week not in (5, 8, 11) else []
    if week == 11:
        wrong = [contact.row[:TIER] + ("unknown",) + contact.row[TIER + 1 :] for contact in new + again]
        landing.deliver(day, name, csv_bytes(HEADER, wrong))
        landing.note(day, name, "corrected_later", "superseded", rows=len(wrong))
        day += timedelta(days=2)
    content = _write_file(landing, day, new, again, twice, name=name, delimiter=";" if week == 4 else ",", encoding="cp1252" if week in (0, 6) else "utf-8")
    if week == 5:
        landing.spoil(day + timedelta(days=1), name, content, "delivered_twice", "duplicate_file")
    if week == 8:
        landing.spoil(day + timedelta(days=1), f"copy_of_{name}", content, "same_content_renamed", "duplicate_file")


def _write_file(
    landing: Landing, day: date, new: list[Contact], again: list[Contact], twice: list[Contact], *, name: str = "", delimiter: str = ",", encoding: str = "utf-8"
) -> bytes:
    name = name or f"contacts_{day}.csv"
    rows = [contact.row for contact in new] + [_seen(contact, day) for contact in again + twice]
    content = csv_bytes(HEADER, rows, delimiter=delimiter, encoding=encoding)
    landing.deliver(day, name, content, has_marker=day.toordinal() % 3 > 0)
    file = f"{FEED}/{day}/{name}"
    for position, contact in enumerate(new, start=1):
        landing.defects.extend(_defects(contact, file, position, day))
        if contact in twice:
            key = {"contact_id": contact.row[0], "file": file, "position": position}
            landing.defects.append(Defect(FEED, key, "twice_in_file", "deduplicated", "silver.crm_contacts", "duplicate_key", "contact_id", day))
    return content


def _seen(contact: Contact, day: date) -> tuple[Any, ...]:
    tier = TIERS[(TIERS.index(contact.row[TIER]) + 1) % len(TIERS)]
    return contact.row[:TIER] + (tier, str(day - timedelta(days=1))) + contact.row[SEEN + 1 :]


def _defects(contact: Contact, file: str, position: int, day: date) -> Iterator[Defect]:
    for column, text in contact.spelled.items():
        if text.kind:
            key = {"contact_id": contact.row[0], "file": file, "position": position}
            yield Defect(FEED, key, text.kind, text.outcome, "silver.crm_contacts", text.rule, column, day, text.expected)


def write_identities(path: Path, known: Sequence[Contact]) -> None:
    """The truth of who is who: one line for each contact that has a shop account."""
    lines = [json.dumps({"contact_id": contact.row[0], "customer_id": contact.customer_id}) for contact in known if contact.customer_id is not None]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
