"""What is hidden, what is left, and that hiding costs little whatever the text."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, date, datetime

import pytest
from dagster._utils.error import serializable_error_info_from_exc_info
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from globalbev_assets.contracts.names import TableName
from globalbev_assets.domains import _failure
from globalbev_assets.errors import TransientError
from resources.ledger import LedgerRow
from resources.logs.error_redaction import RedactedError, redact_errors_of_dagster, scrubbed
from resources.logs.patterns import PERSONAL_FIELDS
from resources.logs.redaction import REDACTOR, RedactingFilter, Redactor, is_hidden_field, secrets_of
from resources.publishing import TableResult
from resources.settings import Settings
from tests.unit.contract_files import packaged

DSN = "postgresql://shop:Hunter%2F2two@db.example.com:5432/shop"
# Alone they name nobody, and they are words of ours: a day's state, a cloud's region.
AMBIGUOUS = {"state", "region", "raw_region"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot reach postgresql://shop:p@ss/w:rd@db.example.com:5432/shop?x=1", "cannot reach postgresql://shop:***@db.example.com:5432/shop?x=1"),
        ("host=db user=shop password='two words' port=5432", "host=db user=shop password=*** port=5432"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '***'}"),
        ("header Bearer abcdef123456", "header Bearer ***"),
        ("https://acc.blob.core.windows.net/c/f?sv=2024&sig=ab%2Bc%3D&se=1", "https://acc.blob.core.windows.net/c/f?sv=2024&sig=***&se=1"),
        ("slack://TokenA/TokenB/TokenC refused", "slack://*** refused"),
        ("mailtos://user:pass@gmail.com?to=x", "mailtos://***"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/***"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/a?sig=b", "https://prod-1.westeurope.logic.azure.com/***"),
        ("client_secret=abc~def&scope=x", "client_secret=***&scope=x"),
        ('{"api_key": "abc", "rows": 1}', '{"api_key": ***, "rows": 1}'),
        ("DefaultEndpointsProtocol=https;AccountKey=abc==;Endpoint=1", "DefaultEndpointsProtocol=https;AccountKey=***;Endpoint=1"),
        ("dapi0123456789abcdef0123456789abcdef", "***"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***"),
        ("mail to jane.o'roe+x@example.co.uk, now", "mail to ***, now"),
        ("?email=jane%40example.com", "?email=***"),
        ("call +41 44 668 18 00 or (555) 123-4567 or 555.123.4567 or 044 668 18 00.", "call *** or *** or *** or ***."),
        ('Key (full_name)=(Jane Roe) already exists.', "Key (full_name)=(***) already exists."),
        ("Failing row contains (7, Jane Roe, 1990-01-01).", "Failing row contains (***)."),
        ('{"full_name": "Jane Roe", "orders": 3}', '{"full_name": ***, "orders": 3}'),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "***"),
    ],
)  # fmt: skip
def test_hidden(text: str, expected: str) -> None:
    assert Redactor().text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "GB-1231 The database refuses the connection.",
        "shop@127.0.0.1:5432/shop: password authentication failed",
        "shop@db.example.com:5432/shop: refused",
        "abfss://lake@account.dfs.core.windows.net/bronze/orders",
        "table.published asset=silver.orders rows_in=123456789 published=120000000",
        "3 of 41 days not published, first 2026-05-01: 0.031 > 0.02 quarantined",
        "01-02-2026, 01.02.2026, 2026-05-01 to 2026-05-31, 08:30",
        "http://127.0.0.1:3000/runs/0b2a",
    ],
)
def test_left_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


@given(st.uuids(), st.datetimes(timezones=st.just(UTC)), st.dates(min_value=date(1000, 1, 1)), st.integers(min_value=-(10**9), max_value=10**9))
def test_ids_times_and_counts_are_left(run: uuid.UUID, at: datetime, day: date, rows: int) -> None:
    text = f"run {run} at {at.isoformat()} of {day}: {rows} rows, {rows:,} in words, version {abs(rows)}"
    assert Redactor().text(text) == text


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).text(f"{before}{secret}{after}").replace("***", "\0")


def test_a_connection_strings_password_is_known_in_both_spellings() -> None:
    assert Redactor([DSN]).text("it said Hunter/2two and Hunter%2F2two") == "it said *** and ***"
    assert Redactor(["host=db password='Hunter two' user=x"]).text("it said Hunter two") == "it said ***"


def test_each_of_several_addresses_is_known() -> None:
    known = Redactor(["https://hooks.example.com/one4711 https://hooks.example.com/two4711"])
    assert known.text("no answer from https://hooks.example.com/two4711") == "no answer from ***"


def test_fields_are_hidden_by_name_at_any_depth() -> None:
    given_fields = {"email": "x", "rows": 3, "inner": [{"client_secret": "y", "kept": "z"}], "dsn": SecretStr("a"), "token_count": 5, "state": "held"}
    assert Redactor().value(given_fields) == {
        "email": "***", "rows": 3, "inner": [{"client_secret": "***", "kept": "z"}], "dsn": "***", "token_count": 5, "state": "held",
    }  # fmt: skip


def test_every_personal_column_of_the_contracts_is_a_hidden_field() -> None:
    columns = {column.name for contract in packaged().values() for column in contract.columns if column.is_pii}
    assert columns
    assert {name for name in columns if not is_hidden_field(name)} - AMBIGUOUS == set()
    assert set(PERSONAL_FIELDS) - columns == {"address"}, "a field that no contract has any more"


def test_the_settings_secrets_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_API_TOKEN", "from-a-contract-4711")
    monkeypatch.setenv("SSH_KEY", "/home/somebody/.ssh/id")
    known = secrets_of(Settings(shop_dsn=DSN, inventory_token="tok-4711-abc", _env_file=None))  # type: ignore[arg-type, call-arg]
    assert {DSN, "tok-4711-abc", "from-a-contract-4711"} <= set(known)
    assert "/home/somebody/.ssh/id" not in known


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://etl:Kd8#xQ2zLm@db/shop", "Kd8#xQ2zLm"),
        ("postgresql://etl@db/shop?password=Kd8%2FxQ2zLm", "Kd8/xQ2zLm"),
        (r"host=db password='it\'s secret'", "it's secret"),
        ("tok-4711-abc\n", "tok-4711-abc"),
    ],
)
def test_a_password_is_known_as_libpq_reads_it(dsn: str, said: str) -> None:
    assert said not in Redactor([dsn]).text(f"failed with {said} today")


@pytest.mark.parametrize(
    "text",
    [
        '{"full_name": ["Ada Canary"]}',
        r'{"full_name": "Ada \"Countess\" Canary"}',
        "duplicate key: Key (lower(full_name))=(ada canary) already exists.",
        "Key (full_name, city)=(Ada Canary, Town) already exists.",
    ],
)
def test_a_name_is_hidden_where_its_field_says_that_it_is_one(text: str) -> None:
    hidden = Redactor().text(text)
    assert "canary" not in hidden.lower() and "ada" not in hidden.lower().replace("already", "")


def test_what_a_run_fails_with_hides_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster keeps a failure's description and metadata, and asks no log handler."""
    monkeypatch.setattr("globalbev_assets.domains.REDACTOR", Redactor(["Kd8xQ2zLmNoP"]))
    contract, at = packaged()[TableName("silver", "orders")], datetime(2026, 6, 1, tzinfo=UTC)
    reason = "GB-1230 no answer for etl:Kd8xQ2zLmNoP, row of ada@example.org"
    row = LedgerRow("silver.orders", date(2026, 6, 1), "run", "failed", at, "1.0.0", reason=reason)
    failure = _failure([TableResult(contract, [row], error=ValueError(reason))])
    told = f"{failure.description} {failure.metadata}"
    assert "GB-1230" in told
    assert not any(secret in told for secret in ("Kd8xQ2zLmNoP", "ada@example.org"))


@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "a." * 50_000, "http://" * 15_000, "@" * 100_000, "a@" * 50_000, "x:y@z" * 20_000, "0 1" * 30_000, "+1 " * 30_000,
     "password" * 12_000, '"email": ' * 10_000, "(" * 100_000, "1" * 100_000, "Key (" * 20_000, "=(" * 50_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    """A hundred kilobytes of anything: a pattern that backtracks would take minutes, and a log line would stop a step."""
    started = time.process_time()
    Redactor(["secret-4711"]).text(text)
    assert time.process_time() - started < 3.0


def test_an_error_without_secrets_stays_itself() -> None:
    error = ValueError("nothing of the kind")
    error.__cause__ = KeyError("orders")
    assert scrubbed(error) is error


def test_an_error_with_a_secret_is_copied_with_its_causes() -> None:
    try:
        try:
            raise ConnectionError(f"no {DSN}")
        except ConnectionError as cause:
            raise RuntimeError("failed for jane@example.com") from cause
    except RuntimeError as error:
        copy = scrubbed(error)
    assert (str(copy), str(copy.__cause__)) == ("RuntimeError: failed for ***", "ConnectionError: no postgresql://shop:***@db.example.com:5432/shop")
    assert copy.__traceback__ is not None


def test_an_error_of_ours_keeps_its_kind_and_code() -> None:
    copy = scrubbed(TransientError("GB-1230", "The database does not answer.", got=f"{DSN}: timeout", valid="an answer"))
    assert isinstance(copy, TransientError)
    assert (copy.code, copy.got, copy.valid) == ("GB-1230", "postgresql://shop:***@db.example.com:5432/shop: timeout", "an answer")


def test_errors_that_cause_each_other_end() -> None:
    one, other = RuntimeError("jane@example.com"), RuntimeError("two")
    one.__cause__, other.__cause__ = other, one
    copy = scrubbed(one)
    assert copy.__cause__ is not None
    assert copy.__cause__.__cause__ is copy


def test_dagster_keeps_errors_redacted() -> None:
    """Dagster has no hook for this: when it changes the method that we wrap, this fails."""
    redact_errors_of_dagster()
    try:
        raise RuntimeError(f"{DSN} of jane@example.com") from ValueError("+41 44 668 18 00")
    except RuntimeError as error:
        kept = serializable_error_info_from_exc_info((type(error), error, error.__traceback__)).to_string()  # type: ignore[arg-type]
    assert "RuntimeError: postgresql://shop:***@db.example.com:5432/shop of ***" in kept
    assert "668" not in kept
    assert "test_logs_redaction.py" in kept


def test_a_filter_redacts_records_that_somebody_else_made() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "user %s", ("jane@example.com",), None)
    record.exc_text = "Traceback: jane@example.com"
    assert RedactingFilter().filter(record)
    assert (record.getMessage(), record.exc_text) == ("user ***", "Traceback: ***")


def test_arguments_that_do_not_fit_are_not_shown() -> None:
    """``logging`` prints the arguments of such a record on standard error."""
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s and %s", ("jane@example.com",), None)
    RedactingFilter().filter(record)
    assert record.getMessage() == "%s and %s (its arguments do not fit)"


def test_an_exception_in_a_record_is_redacted_for_every_handler() -> None:
    try:
        raise RuntimeError("jane@example.com")
    except RuntimeError as error:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "oh", (), (type(error), error, error.__traceback__))
    RedactingFilter().filter(record)
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RedactedError)
    assert "jane" not in logging.Formatter().format(record)


def test_short_values_are_no_secrets_everywhere() -> None:
    """A password such as "test" would blot out half of every message."""
    assert Redactor(["test"]).text("a test failed") == "a test failed"
    assert REDACTOR is not None
