"""People who do not exist: names from mimesis, addresses and phone numbers that are valid in form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from .dice import dice


@dataclass(frozen=True, slots=True)
class Region:
    """A state of the US, or a county of Great Britain, with what its addresses look like."""

    code: str
    name: str
    country: str
    area_codes: tuple[str, ...]
    postal: tuple[str, ...]
    cities: tuple[str, ...]


REGIONS = {
    "US-OH": Region(
        "OH", "Ohio", "US", ("614", "216", "513", "937"), ("432", "441", "452", "454"), ("Columbus", "Cleveland", "Cincinnati", "Dayton")
    ),
    "US-KY": Region("KY", "Kentucky", "US", ("502", "859", "270"), ("402", "405", "421"), ("Louisville", "Lexington", "Bowling Green")),
    "US-IN": Region("IN", "Indiana", "US", ("317", "219", "260"), ("462", "464", "468"), ("Indianapolis", "Gary", "Fort Wayne")),
    "US-TX": Region("TX", "Texas", "US", ("512", "214", "713", "210"), ("787", "752", "770", "782"), ("Austin", "Dallas", "Houston", "San Antonio")),
    "US-MI": Region("MI", "Michigan", "US", ("313", "616", "517"), ("482", "495", "489"), ("Detroit", "Grand Rapids", "Lansing")),
    "US-TN": Region("TN", "Tennessee", "US", ("615", "901", "423"), ("372", "381", "374"), ("Nashville", "Memphis", "Chattanooga")),
    "GB": Region("Kent", "Kent", "GB", ("20",), ("CT1", "ME14", "TN9", "DA1"), ("Canterbury", "Maidstone", "Tonbridge", "Dartford")),
}
STREETS = tuple("Main High Oak Maple Cedar Elm Washington Lincoln Park Lake Hill Walnut Spring Church Mill River".split())  # noqa: SIM905
SUFFIXES = (("Street", "St"), ("Avenue", "Ave"), ("Road", "Rd"), ("Drive", "Dr"), ("Lane", "Ln"), ("Boulevard", "Blvd"))
INWARD = "ABDEFGHJLNPQRSTUWXYZ"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as they truly are."""

    first_name: str
    last_name: str
    email: str
    national_phone: str
    born: date
    number: int
    street: str
    suffix: tuple[str, str]
    unit: int | None
    city: str
    region: Region
    postal_code: str


def person(seed: int, market_id: str, *name: object) -> Person:
    """The person of a name, for instance ``("customer", 42)``, who lives where the market is."""
    luck = dice(seed, "person", *name)
    region = REGIONS.get(market_id, REGIONS["GB"])
    first, last = luck.choice(_names(seed)[0]), luck.choice(_names(seed)[1])
    return Person(
        first_name=first,
        last_name=last,
        email=_mailbox(luck, first, last),
        national_phone=_phone(luck, region),
        born=date(1941, 1, 1) + timedelta(days=luck.randrange(58 * 365)),
        number=luck.randint(1, 9899),
        street=luck.choice(STREETS),
        suffix=luck.choice(SUFFIXES),
        unit=luck.randint(1, 40) if luck.random() < 0.2 else None,
        city=luck.choice(region.cities),
        region=region,
        postal_code=_postal(luck, region),
    )


def _mailbox(luck: Random, first: str, last: str) -> str:
    local = "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii() and (letter.isalnum() or letter == "."))
    return f"{local}{luck.randint(1, 9999)}@{luck.choice(('example.com', 'example.org', 'mail.example.net'))}"


def _phone(luck: Random, region: Region) -> str:
    if region.country == "GB":
        return f"2079{luck.randint(100000, 999999)}"
    exchange = luck.choice([number for number in range(220, 990) if number % 100 != 11 and number != 555])
    return f"{luck.choice(region.area_codes)}{exchange}{luck.randint(0, 9999):04d}"


def _postal(luck: Random, region: Region) -> str:
    if region.country == "GB":
        return f"{luck.choice(region.postal)} {luck.randint(1, 9)}{luck.choice(INWARD)}{luck.choice(INWARD)}"
    return f"{luck.choice(region.postal)}{luck.randint(1, 99):02d}"


@cache
def _names(seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from mimesis import Person as Names  # noqa: PLC0415
    from mimesis.locales import Locale  # noqa: PLC0415

    names = Names(Locale.EN, seed=seed)
    return tuple(names.first_name() for _ in range(400)), tuple(names.last_name() for _ in range(1200))
