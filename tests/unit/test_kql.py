"""The queries of ``deploy/kql`` ask for columns, events and fields that are shipped.

There is no KQL engine here: their syntax and their results are not tested, only that every name in them exists.
"""

from __future__ import annotations

import json
import logging
import re
from functools import cache
from pathlib import Path

import pytest

from resources.logs.columns import COLUMNS, STREAM, TABLE
from resources.logs.events import EVENTS

DEPLOY = Path(__file__).parents[2] / "deploy"
QUERIES = sorted((DEPLOY / "kql").glob("*.kql"))
WANTED = {"failed_runs_24h", "longest_steps", "quarantine_by_table", "cost_by_pipeline"}


@cache
def tables() -> dict[str, set[str]]:
    documents = [json.loads(path.read_text()) for path in sorted((DEPLOY / "log-analytics").glob("*_table.json"))]
    return {document["table"]: {column["name"] for column in document["columns"]} for document in documents}


def without_texts(query: str) -> str:
    """The query without comments and literals."""
    return re.sub(r'"[^"]*"', '""', re.sub(r"//.*", "", query))


def unknown(query: str) -> set[str]:
    """Names that are neither a column of a table that the query reads nor made by the query; ours begin with a capital, KQL's do not."""
    text = without_texts(query)
    read = [columns for table, columns in tables().items() if re.search(rf"\b{table}\b", text)]
    made = set(re.findall(r"\b([A-Z]\w*)\s*=(?!=)", text))
    named = {name for name in re.findall(r"(?<![\w.])([A-Z]\w*)", text) if name not in tables()}
    lets = set(re.findall(r"\blet (\w+)", text))
    return named - set().union(*read, made, lets)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_column_is_one_that_is_shipped_or_made(path: Path) -> None:
    assert unknown(path.read_text()) == set()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_event_is_one_that_is_logged(path: Path) -> None:
    found = set(re.findall(r'"([a-z]+\.[a-z_]+)"', re.sub(r"//.*", "", path.read_text())))
    assert found
    assert {name for name in found if not name.startswith("dagster.")} - set(EVENTS) == set()


def test_an_alert_is_raised_by_nothing_that_is_good() -> None:
    """The recovery raised the alert of severity 1 a second time."""
    terraform = (DEPLOY / "terraform" / "modules" / "observability" / "main.tf").read_text()
    alerts = re.findall(r"^    (\w+) += \{ severity", terraform, re.MULTILINE)
    assert set(alerts) == {"failed_runs_24h", "silence"}
    for name in alerts:
        asked = set(re.findall(r'"([a-z]+\.[a-z_]+)"', re.sub(r"//.*", "", (DEPLOY / "kql" / f"{name}.kql").read_text())))
        assert {event for event in asked & EVENTS.keys() if EVENTS[event].level < logging.WARNING} == set(), name


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_what_is_asked_of_properties_is_a_field_without_a_column(path: Path) -> None:
    asked = set(re.findall(r"Properties\.(\w+)", path.read_text()))
    fields = {field for event in EVENTS.values() for field in event.fields} - {field for _, field in COLUMNS.values()}
    assert asked - fields == set()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_says_what_it_is_for_and_what_it_needs(path: Path) -> None:
    head = re.match(r"(//.*\n)+", path.read_text())
    assert head
    assert "Needs:" in head.group()


def test_the_queries_that_are_asked_for_are_there() -> None:
    assert {path.stem for path in QUERIES} >= WANTED


@pytest.mark.parametrize(
    "wrong", ["GlobalBev_CL | where Evnt == 1", "GlobalBev_CL | summarize sum(Rows)", "let Steps = GlobalBev_CL; steps | project Cost"]
)
def test_a_misspelt_column_is_found(wrong: str) -> None:
    assert unknown(wrong)


def test_the_tables_file_is_what_is_shipped() -> None:
    """``deploy/log-analytics/logs_table.json`` makes the table and the rule's stream."""
    document = json.loads((DEPLOY / "log-analytics" / "logs_table.json").read_text())
    assert (document["table"], document["stream"]) == (TABLE, STREAM)
    assert [(column["name"], column["type"]) for column in document["columns"]] == [(name, kind) for name, (kind, _) in COLUMNS.items()]


def test_every_counted_field_of_an_event_has_a_column() -> None:
    """What the queries sum must not lie in Properties."""
    counted = {
        "rows_in",
        "published",
        "quarantined",
        "deduplicated",
        "superseded",
        "unaccounted",
        "held_days",
        "failed_days",
        "failed_tables",
        "duration_s",
    }
    assert counted <= {field for _, field in COLUMNS.values()}


def test_the_export_fills_the_cost_table() -> None:
    text = (DEPLOY / "log-analytics" / "export_cost.sql").read_text()
    assert set(re.findall(r"AS (\w+)[,\n]", text)) >= tables()["GlobalBevCost_CL"]
