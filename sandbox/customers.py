"""The shop's customers: a household of the real data each, with a person made up around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from .addresses import Address, address
from .dice import dice
from .ledger import Defect
from .people import Person, person
from .spellings import Spelling, birth_date, email, phone

COLUMNS = (
    "customer_id full_name email phone birth_date street city region postal_code country_code segment marketing_opt_in created_at updated_at".split()  # noqa: SIM905
)
SEGMENTS = ("family", "single", "couple", "student", "senior", "business")
HOUSEHOLD_SHARE = 0.03
FIRST_REPLICA_END = 20_000


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: who they are, and the row that the shop has of them."""

    customer_id: int
    market_id: str
    who: Person
    row: tuple[Any, ...]
    defects: tuple[Defect, ...]


def customers(seed: int, homes: Iterable[tuple[int, str]], first_day: date) -> Iterator[Customer]:
    """Make the customers of ``(customer_id, market_id)``; a few share the e-mail address of the one before."""
    before: Person | None = None
    for customer_id, market_id in homes:
        luck = dice(seed, "customer", customer_id)
        who = person(seed, market_id, "customer", customer_id)
        shares = before is not None and before.region == who.region and luck.random() < HOUSEHOLD_SHARE
        address_of = before.email if shares and before else who.email
        spelled = _spell(luck, who, address_of)
        stamps = _stamps(luck.random(), luck.random(), first_day)
        extras = (luck.choice(SEGMENTS), luck.random() < 0.4, *stamps)
        defects = tuple(_defects(customer_id, spelled))
        yield Customer(customer_id, market_id, who, (customer_id, _name(luck.random(), who), *(s.raw for s in spelled.values()), *extras), defects)
        before = who


def _spell(luck: Any, who: Person, mailbox: str) -> dict[str, Spelling]:
    where: Address = address(luck, who)
    number = phone(luck, who.region.country, who.national_phone) if luck.random() > 0.02 else Spelling(None)
    return {
        "email": email(luck, mailbox) if luck.random() > 0.01 else Spelling(None),
        "phone": number,
        "birth_date": birth_date(luck, who.born) if luck.random() > 0.03 else Spelling(None),
        "street": where.street,
        "city": where.city,
        "region": where.region,
        "postal_code": where.postal_code,
        "country_code": where.country,
    }


def _name(drawn: float, who: Person) -> str:
    clean = f"{who.first_name} {who.last_name}"
    if drawn < 0.9:
        return clean
    return clean.upper() if drawn < 0.95 else f"{who.first_name}  {who.last_name} "


def _stamps(created: float, updated: float, first_day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(first_day, time(9))
    made = start - timedelta(days=30 + created * 900)
    return made.replace(microsecond=0), (made + timedelta(days=updated * 29)).replace(microsecond=0)


def _defects(customer_id: int, spelled: dict[str, Spelling]) -> Iterator[Defect]:
    for column, text in spelled.items():
        if text.kind:
            yield Defect(
                "customers", {"customer_id": customer_id}, text.kind, text.outcome, "silver.customers", text.rule, column, None, text.expected
            )
