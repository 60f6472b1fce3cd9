"""What the demo says at its end, and whether it ends well."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from rich.console import Console

from benchmarks.demo import found_by
from globalbev_assets.operations import backfill, demo, summary
from globalbev_assets.operations.defects import Kind, Score, by_outcome, score
from globalbev_assets.operations.summary import Summary, TableLine, as_dict, show
from partitions.days import DayRange
from resources.settings import Settings

DAYS = DayRange(date(2026, 6, 1), date(2026, 6, 3))
LINE = TableLine("silver.orders", 12, 10, 1, 1, 0, 0, days_readable=3, days_committed=3, days=3)
KINDS = (Kind("orders", "unknown_store", "quarantined", 2, 2), Kind("orders", "currency_missing", "warned", 3, 3))
GOOD = Summary(DAYS, (LINE,), (("BEV-1", None, "US-TX", 12, 34.5, 20.0, None),), Score(KINDS, 0, 2))


def bad(**changes: object) -> Summary:
    return replace(GOOD, **changes)  # type: ignore[arg-type]


MISSED = bad(defects=Score((replace(KINDS[0], caught=1, missed_keys=['{"order_id": 1}']), KINDS[1]), 0, 1))
WITHOUT_CAUSE = bad(defects=Score(KINDS, 3, 5))
UNACCOUNTED = bad(tables=(LINE, replace(LINE, table="gold.x", unaccounted=1200)))


@pytest.mark.parametrize(
    ("found", "findings"),
    [
        (GOOD, ()),
        (bad(defects=None), ()),
        (MISSED, ("1 defect missed",)),
        (WITHOUT_CAUSE, ("3 rows quarantined without cause",)),
        (UNACCOUNTED, ("1,200 source rows unaccounted for",)),
    ],
)
def test_what_is_not_as_it_should_be_is_said_in_words(found: Summary, findings: tuple[str, ...]) -> None:
    assert found.findings == findings
    text = printed(found)
    assert ("Not as it should be: " in text) == bool(findings)
    assert all(finding in text for finding in findings)
    assert as_dict(found, {})["findings"] == list(findings)


@pytest.mark.parametrize(
    ("found", "succeeded", "code"), [(GOOD, True, 0), (GOOD, False, 1), (MISSED, True, 1), (WITHOUT_CAUSE, True, 1), (UNACCOUNTED, True, 1)]
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_demo_ends_with_1_where_something_was_found(
    found: Summary, succeeded: bool, code: int, as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, home=tmp_path, start_date=DAYS.first, end_date=date(2026, 6, 4))
    stage = backfill.Stage("bronze", ("bronze.orders",), DAYS)
    monkeypatch.setattr(demo, "_sources_and_spark", lambda *_: settings)
    monkeypatch.setattr(backfill, "prepare_environment", lambda: settings)
    monkeypatch.setattr(backfill, "plan", lambda *_: [stage])
    monkeypatch.setattr(backfill, "execute", lambda *_: [SimpleNamespace(succeeded=succeeded)])
    monkeypatch.setattr(summary, "summarise", lambda _, days, __: found if days == DAYS else pytest.fail(str(days)))
    out = io.StringIO()
    assert demo.run_demo(None, 1, as_json, Console(file=out, width=200)) == code
    if as_json:
        assert json.loads(out.getvalue())["unaccounted"] == found.unaccounted
    else:
        assert "Time by phase" in out.getvalue()


def test_a_second_run_says_that_nothing_changed() -> None:
    again = bad(tables=(replace(LINE, days_committed=0),))
    assert again.is_unchanged
    assert "Nothing changed: every day" in printed(again)
    assert "Nothing changed" not in printed(GOOD)


def test_the_summary_shows_rows_defects_and_best_sellers() -> None:
    text = " ".join(printed(GOOD).split())  # a title is folded to its table's width
    assert "What became of every source row, 2026-06-01 to 2026-06-03 (3 days)" in text
    assert "5 of 5 met their outcome (recall 1.0000); 0 of 2 quarantined rows without cause" in text
    assert "BEV-1" in text
    assert by_outcome(MISSED.defects or Score((), 0, 0)) == {"quarantined": (1, 2), "warned": (3, 3)}


def test_the_benchmark_keeps_what_the_demo_found() -> None:
    """As ``make demo ARGS=--json`` prints it in a fresh clone: after what set-up says."""
    document = json.dumps(as_dict(MISSED, {"Summary": 7.3}), indent=2, default=str)
    kept = {
        "unchanged": False, "unaccounted": 0, "phases": {"Summary": 7.3},
        "defects": {"expected": 5, "caught": 4, "missed": 1, "quarantined": 1, "falsely_quarantined": 0},
    }  # fmt: skip
    assert found_by(f"set-up: uv into .uv\nset-up: {{packages}}\n{document}\n") == kept
    assert found_by(document) == kept
    assert found_by("set-up: uv into .uv\nmake: *** [demo] Error 2\n") == {"end": ["set-up: uv into .uv", "make: *** [demo] Error 2"]}
    assert found_by(json.dumps(as_dict(bad(defects=None), {}))).keys() == {"end"}


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """A quarantine with three open rows: a known defect's, one of a later day, and one that nobody has a cause for."""
    with duckdb.connect() as connection:
        connection.execute("create schema quarantine")
        connection.execute("""
            create view quarantine.orders as
            select 'silver.orders' as table_name, 'shop.orders' as source, unnest(['1', '3', '4']) as source_position,
                   [{'rule_id': 'unknown_store'}] as errors, 'open' as state
        """)
        yield connection


def test_defects_of_days_that_are_not_loaded_are_no_ones_fault(lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """After ``sandbox advance`` the ledger is a day ahead of the demo, which ends yesterday."""
    ledger = tmp_path / "defects.jsonl"
    days = {1: DAYS.last, 2: DAYS.first, 3: date(2026, 6, 4), 5: date(2026, 6, 4)}
    lines = [
        {
            "feed": "orders", "key": {"order_id": order}, "kind": "unknown_store", "outcome": "quarantined", "table": "silver.orders",
            "rule": "unknown_store", "day": str(day),
        }
        for order, day in days.items()
    ]  # fmt: skip
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = score(lake, ledger, tmp_path, DAYS.last)
    assert (found.expected, found.caught, found.missed, found.falsely_quarantined, found.quarantined) == (2, 1, 1, 1, 3)
    assert found.kinds[0].missed_keys == ['{"order_id": 2}']
    assert score(lake, ledger, tmp_path).missed == 2


def printed(found: Summary) -> str:
    out = io.StringIO()
    show(found, {"Summary": 1.0}, Console(file=out, width=200, markup=True))
    return out.getvalue()
