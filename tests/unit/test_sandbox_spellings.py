"""What the sandbox writes down as readable can be read, and what it writes down as unreadable cannot."""

from datetime import date, datetime

import phonenumbers
import pytest
from phonenumbers import NumberParseException, PhoneNumberFormat

from sandbox.addresses import address
from sandbox.dice import dice
from sandbox.people import REGIONS, person
from sandbox.spellings import PHONE_FORMATS, UNREADABLE_DATES, birth_date, country, email, phone

DATE_ORDERS = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%y", "%d/%m/%y")
MANY = range(1200)


def e164(raw: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(raw, region)
    except NumberParseException:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


def readings(raw: str) -> set[date]:
    found = set()
    for order in DATE_ORDERS:
        try:
            read = datetime.strptime(raw, order).date()  # noqa: DTZ007
        except ValueError:
            continue
        if order.endswith("%y") and read > date(2026, 1, 1):
            read = read.replace(year=read.year - 100)
        if read < date(2026, 1, 1):
            found.add(read)
    return found


@pytest.mark.parametrize("market", sorted(REGIONS))
def test_a_phone_number_is_what_the_ledger_says(market: str) -> None:
    kinds = set()
    for number in MANY:
        who = person(7, market, "tested", number)
        spelling = phone(dice(7, "phone", number), who.region.country, who.national_phone)
        kinds.add(spelling.kind)
        assert spelling.raw is not None
        expected = spelling.raw if spelling.kind is None else spelling.expected
        assert e164(spelling.raw, who.region.country) == expected, spelling
    assert len(kinds) >= 2 + len(PHONE_FORMATS[REGIONS[market].country])


def test_a_date_of_birth_has_one_reading_unless_the_ledger_says_otherwise() -> None:
    kinds = set()
    for number in MANY:
        born = person(7, "US-OH", "tested", number).born
        spelling = birth_date(dice(7, "born", number), born)
        kinds.add(spelling.kind)
        found = readings(spelling.raw or "")
        if spelling.kind == "birth_date_ambiguous":
            assert len(found) == 2
        elif spelling.kind == "birth_date_unreadable":
            assert not found
        else:
            assert found == {born}, spelling
            assert spelling.expected in (None, born.isoformat())
    assert len(kinds) == 8
    assert not any(readings(raw) for raw in UNREADABLE_DATES)


def test_an_e_mail_address_is_repaired_by_trimming_and_lower_case_or_not_at_all() -> None:
    for number in MANY:
        spelling = email(dice(7, "email", number), "ann.other1@example.com")
        is_readable = (spelling.raw or "").strip().lower() == "ann.other1@example.com"
        assert is_readable == (spelling.rule is None)


def test_every_country_is_spelt_in_several_ways() -> None:
    assert {country(dice(7, "country", number), "GB").raw for number in MANY} == {"GB", "gb", "UK", "United Kingdom", "Great Britain"}


def test_a_postcode_is_unreadable_only_where_the_ledger_says_so() -> None:
    for number in MANY:
        who = person(7, "US-OH", "tested", number)
        parts = address(dice(7, "address", number), who)
        is_readable = (parts.postal_code.raw or "").strip() == who.postal_code
        assert is_readable == (parts.postal_code.kind in (None, "postal_code_format"))
        assert (parts.postal_code.rule is None) == (is_readable or parts.postal_code.kind == "postal_code_in_city")
