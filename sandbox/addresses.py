"""How people write addresses: capitals, abbreviations, the region spelt out, the postcode where it does not belong."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .people import Person, Region
from .spellings import Spelling, country, normalised, unreadable


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address, each in its own spelling."""

    street: Spelling
    city: Spelling
    region: Spelling
    postal_code: Spelling
    country: Spelling


def address(dice: Random, who: Person) -> Address:
    """Somebody's address as it was typed in."""
    city, postal = _city_and_postal(dice, who)
    return Address(_street(dice, who), city, _region(dice, who.region), postal, country(dice, who.region.country))


def _street(dice: Random, who: Person) -> Spelling:
    unit = f" Apt {who.unit}" if who.unit else ""
    clean = f"{who.number} {who.street} {who.suffix[1]}{unit}"
    expected = clean if who.region.country == "US" else None
    drawn = dice.random()
    if drawn < 0.7:
        return Spelling(clean)
    if drawn < 0.8:
        return normalised(clean.upper(), "street_case", expected)
    if drawn < 0.86:
        return normalised(clean.lower(), "street_case", expected)
    return normalised(f"{who.number} {who.street} {who.suffix[0]}{unit}", "street_spelt_out", expected)


def _region(dice: Random, region: Region) -> Spelling:
    if region.country != "US":
        return Spelling(region.name)
    drawn = dice.random()
    if drawn < 0.80:
        return Spelling(region.code)
    if drawn < 0.92:
        return normalised(region.name if drawn < 0.88 else region.name.upper(), "region_spelt_out", region.code)
    return normalised(region.code.lower() if drawn < 0.96 else f" {region.code}", "region_case", region.code)


def _city_and_postal(dice: Random, who: Person) -> tuple[Spelling, Spelling]:
    drawn = dice.random()
    if drawn < 0.012:
        return Spelling(f"{who.city} {who.postal_code}"), normalised(who.city, "postal_code_in_city", who.postal_code)
    if drawn < 0.018:
        return Spelling(who.city), unreadable(dice.choice(("n/a", "43", "unknown", "?????")), "postal_code_unreadable")
    city = normalised(who.city.upper(), "city_case", who.city) if dice.random() < 0.08 else Spelling(who.city)
    if drawn > 0.08:
        return city, Spelling(who.postal_code)
    if who.region.country == "GB":
        return city, normalised(who.postal_code.lower().replace(" ", ""), "postal_code_format", who.postal_code)
    return city, normalised(f" {who.postal_code} ", "postal_code_format", who.postal_code)
