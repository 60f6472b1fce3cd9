"""Phone numbers and streets of one person at a time: pure functions over the libraries that know the rules.

They run in Spark's Python workers over distinct values, and reach them by value. So the module imports nothing of Spark and nothing of this project.
"""

from __future__ import annotations

import pandas as pd
import phonenumbers
import usaddress
from scourgify.address_constants import DIRECTIONAL_REPLACEMENTS, STREET_TYPE_ABBREVIATIONS

MAX_LENGTH = 200
_EXTENSION_FREE = phonenumbers.PhoneNumberFormat.E164
_OCCUPANCY = {"APARTMENT": "Apt", "APT": "Apt", "SUITE": "Ste", "STE": "Ste", "UNIT": "Unit", "FLOOR": "Fl", "FL": "Fl", "ROOM": "Rm", "RM": "Rm"}


def phones(text: pd.Series, country: pd.Series) -> pd.Series:
    """:func:`phone_e164` of each pair."""
    return pd.Series([phone_e164(*pair) for pair in zip(text, country, strict=True)], dtype="object")


def streets(text: pd.Series, country: pd.Series) -> pd.Series:
    """:func:`street` of each pair."""
    return pd.Series([street(*pair) for pair in zip(text, country, strict=True)], dtype="object")


def phone_e164(text: str | None, country: str | None) -> str | None:
    """The number in the international form, without an extension; None when it is none that can be called.

    ``country`` (ISO 3166 alpha-2) says how a national number is meant; without it only a number with its country code can be read.
    """
    if not text or len(text) > MAX_LENGTH:
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, _EXTENSION_FREE) if phonenumbers.is_valid_number(number) else None


def street(text: str | None, country: str | None) -> str | None:
    """House number and street with one capital a word; in the US street types, directions and units in the postal service's short form.

    A street that cannot be taken apart keeps its words.
    """
    if not text:
        return None
    words = " ".join(text.split())
    if country != "US" or len(words) > MAX_LENGTH:
        return _capitalised(words)
    return " ".join(_short(token, label) for token, label in usaddress.parse(words))


def _short(token: str, label: str) -> str:
    bare = token.rstrip(".,").upper()
    if label in ("StreetNamePostType", "StreetNamePreType"):
        return str(STREET_TYPE_ABBREVIATIONS.get(bare, bare)).capitalize()
    if label in ("StreetNamePreDirectional", "StreetNamePostDirectional"):
        return str(DIRECTIONAL_REPLACEMENTS.get(bare, bare))
    if label == "OccupancyType":
        return _OCCUPANCY.get(bare, bare.capitalize())
    return _capitalised(token.rstrip(","))


def _capitalised(text: str) -> str:
    """One capital a word; ``21B``, ``O'Brien`` and what is mixed already stay."""
    return " ".join(word if word != word.lower() and word != word.upper() else _word(word) for word in text.split(" "))


def _word(word: str) -> str:
    if any(character.isdigit() for character in word):
        return word.upper() if word[-1:].isalpha() and not word.lower().endswith(("st", "nd", "rd", "th")) else word.lower()
    return "-".join(part[:1].upper() + part[1:].lower() for part in word.split("-"))
