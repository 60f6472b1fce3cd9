"""How people write phone numbers, dates, e-mail addresses and regions, and what can be made of it.

Every function gives a :class:`Spelling`: the raw text, and what the lakehouse is expected to do with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random

from .ledger import Outcome


@dataclass(frozen=True, slots=True)
class Spelling:
    """A raw text; ``kind`` is none where nothing is wrong with it."""

    raw: str | None
    kind: str | None = None
    outcome: Outcome = "published"
    rule: str | None = None
    expected: str | None = None


def normalised(raw: str, kind: str, expected: str | None) -> Spelling:
    """Written in another way, and readable."""
    return Spelling(raw, kind, "normalised", None, expected)


def unreadable(raw: str, rule: str) -> Spelling:
    """Not readable: the lakehouse keeps the raw text beside a null and warns."""
    return Spelling(raw, rule, "warned", rule, None)


PHONE_FORMATS: dict[str, dict[str, Callable[[str], str]]] = {
    "US": {
        "parentheses": lambda n: f"({n[:3]}) {n[3:6]}-{n[6:]}",
        "dashes": lambda n: f"{n[:3]}-{n[3:6]}-{n[6:]}",
        "dots": lambda n: f"{n[:3]}.{n[3:6]}.{n[6:]}",
        "digits": lambda n: n,
        "country_spaces": lambda n: f"+1 {n[:3]} {n[3:6]} {n[6:]}",
        "trunk_one": lambda n: f"1-{n[:3]}-{n[3:6]}-{n[6:]}",
        "extension_x": lambda n: f"{n[:3]}-{n[3:6]}-{n[6:]} x{n[7:]}",
        "extension_ext": lambda n: f"({n[:3]}) {n[3:6]}-{n[6:]} ext. {n[8:]}",
    },
    "GB": {
        "national": lambda n: f"0{n[:2]} {n[2:6]} {n[6:]}",
        "parentheses": lambda n: f"(0{n[:2]}) {n[2:6]} {n[6:]}",
        "digits": lambda n: f"0{n}",
        "country_spaces": lambda n: f"+44 {n[:2]} {n[2:6]} {n[6:]}",
        "optional_zero": lambda n: f"+44 (0){n[:2]} {n[2:6]} {n[6:]}",
        "dialled": lambda n: f"0044 {n[:2]} {n[2:6]} {n[6:]}",
    },
}
CALLING_CODE = {"US": "+1", "GB": "+44"}
UNREADABLE_PHONES = ("n/a", "unknown", "ask at the desk", "12345", "555-0{}", "614-555-01{}{}", "+1 614", "see e-mail", "000-000-0000", "tel.")
VANITY = {"US": ("4GLOBAL", "4456225"), "GB": None}


def phone(dice: Random, country: str, national: str) -> Spelling:
    """A phone number: three in ten clean, two in a hundred unreadable, the others in one of the formats."""
    expected = CALLING_CODE[country] + national
    drawn = dice.random()
    if drawn < 0.30:
        return Spelling(expected)
    if drawn < 0.32:
        return unreadable(dice.choice(UNREADABLE_PHONES).format(national[-2:], national), "phone_unreadable")
    vanity = VANITY[country]
    if drawn < 0.33 and vanity:
        return normalised(f"1-{national[:3]}-{vanity[0]}", "phone_format_letters", CALLING_CODE[country] + national[:3] + vanity[1])
    name = dice.choice(sorted(PHONE_FORMATS[country]))
    return normalised(PHONE_FORMATS[country][name](national), f"phone_format_{name}", expected)


UNREADABLE_DATES = ("unknown", "31/02/1980", "0000-00-00", "1985-13-45", "not given", "19xx")


def birth_date(dice: Random, born: date) -> Spelling:
    """A date of birth: six in ten ISO, the others in American or European order, with two or four digits of the year."""
    drawn = dice.random()
    if drawn < 0.60:
        return Spelling(born.isoformat())
    if drawn < 0.615:
        return unreadable(dice.choice(UNREADABLE_DATES), "birth_date_unreadable")
    if born.day <= 12:
        if born.day == born.month or drawn > 0.70:
            return Spelling(born.isoformat())
        return unreadable(f"{born:%m/%d/%Y}", "birth_date_ambiguous")
    form, name = dice.choice(
        [("%m/%d/%Y", "american"), ("%d/%m/%Y", "european"), ("%d.%m.%Y", "dots"), ("%m/%d/%y", "american_short"), ("%d/%m/%y", "european_short")]
    )
    return normalised(born.strftime(form), f"date_format_{name}", born.isoformat())


def email(dice: Random, clean: str) -> Spelling:
    """An e-mail address: mostly clean, sometimes in capitals or padded, rarely broken."""
    drawn = dice.random()
    if drawn < 0.88:
        return Spelling(clean)
    if drawn < 0.96:
        return normalised(clean.upper() if drawn < 0.92 else clean.title(), "email_case", clean)
    if drawn < 0.98:
        return normalised(f" {clean} ", "email_padded", clean)
    return unreadable(clean.replace("@", dice.choice([" at ", "", "#"])), "email_unreadable")


COUNTRY_SPELLINGS = {"US": ("us", "USA", "United States", "U.S."), "GB": ("gb", "UK", "United Kingdom", "Great Britain")}


def country(dice: Random, code: str) -> Spelling:
    """A country: mostly its code."""
    if dice.random() < 0.92:
        return Spelling(code)
    return normalised(dice.choice(COUNTRY_SPELLINGS[code]), "country_spelling", code)
