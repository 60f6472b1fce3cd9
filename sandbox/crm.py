"""The CRM's contacts: mostly the shop's customers under another spelling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from .addresses import address
from .customers import Customer
from .dice import dice
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


def seen_again(contact: Contact, day: date) -> tuple[Any, ...]:
    """The row of a contact that was seen the day before: another tier, a newer date, all else as it was."""
    tier = TIERS[(TIERS.index(contact.row[TIER]) + 1) % len(TIERS)]
    return (*contact.row[:TIER], tier, str(day - timedelta(days=1)), *contact.row[SEEN + 1 :])


def with_wrong_tier(contact: Contact) -> tuple[Any, ...]:
    """The row as the CRM delivered it by mistake."""
    return (*contact.row[:TIER], "unknown", *contact.row[TIER + 1 :])


def defects_of(contact: Contact, file: str, position: int, day: date) -> Iterator[Defect]:
    """The ledger of one delivered row."""
    for column, text in contact.spelled.items():
        if text.kind:
            key = {"contact_id": contact.row[0], "file": file, "position": position}
            yield Defect(FEED, key, text.kind, text.outcome, "silver.crm_contacts", text.rule, column, day, text.expected)


def write_identities(path: Path, known: Sequence[Contact]) -> None:
    """The truth of who is who: one line for each contact that has a shop account."""
    lines = [json.dumps({"contact_id": contact.row[0], "customer_id": contact.customer_id}) for contact in known if contact.customer_id is not None]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
