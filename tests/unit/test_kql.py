"""The queries of ``deploy/kql`` ask for what is shipped, and find what they are for: they are executed, on DuckDB, over rows as the receiver has them.

When a row arrived, which Log Analytics knows by ``ingestion_time()`` and DuckDB does not, is a column here. Whether Log Analytics takes their syntax
is asked of Microsoft's own parser by ``make deploy-check``, which needs npm.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import duckdb_kql
import pytest

from resources.logs.columns import COLUMNS, STREAM, TABLE, row_of
from resources.logs.events import EVENTS

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = sorted((DEPLOY / "kql" / "alerts").glob("*.kql"))
QUERIES = [*sorted((DEPLOY / "kql").glob("*.kql")), *ALERTS]
WANTED = {"failed_runs_24h", "longest_steps", "quarantine_by_table", "cost_by_pipeline"}
AZURES = {"DCRLogErrors": {"TimeGenerated", "InputStreamId", "Message"}, "_LogOperation": {"TimeGenerated", "Category", "Detail"}}
TYPES = {"datetime": "timestamp", "string": "varchar", "real": "double", "long": "bigint", "dynamic": "json"}


@cache
def tables() -> dict[str, set[str]]:
    documents = [json.loads(path.read_text()) for path in sorted((DEPLOY / "log-analytics").glob("*_table.json"))]
    return {document["table"]: {column["name"] for column in document["columns"]} for document in documents} | AZURES


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


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_column_is_one_that_is_shipped_or_made(path: Path) -> None:
    assert unknown(path.read_text()) == set()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_event_is_one_that_is_logged(path: Path) -> None:
    found = set(re.findall(r'"([a-z]+\.[a-z_]+)"', re.sub(r"//.*", "", path.read_text())))
    assert found
    assert {name for name in found if not name.startswith("dagster.")} - set(EVENTS) == set()


def test_an_alert_is_raised_by_nothing_that_is_good() -> None:
    """The recovery raised the alert of severity 1 a second time. That somebody looks is asked for by its absence."""
    terraform = (DEPLOY / "terraform" / "modules" / "observability" / "main.tf").read_text()
    assert set(re.findall(r"^    (\w+) += \{ severity", terraform, re.MULTILINE)) == {path.stem for path in ALERTS}
    for path in ALERTS:
        asked = set(re.findall(r'"([a-z]+\.[a-z_]+)"', re.sub(r"//.*", "", path.read_text())))
        if path.stem != "no_heartbeat":
            assert {event for event in asked & EVENTS.keys() if EVENTS[event].level < logging.WARNING} == set(), path.stem


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_asked_of_properties_is_a_field_without_a_column(path: Path) -> None:
    asked = set(re.findall(r"Properties\.(\w+)", path.read_text()))
    fields = {field for event in EVENTS.values() for field in event.fields} - {field for _, field in COLUMNS.values()}
    assert asked - fields == set()


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
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


class Workspace:
    """The tables of Log Analytics, and their queries."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        self.duck = duckdb.connect()
        self.duck.execute("set timezone = 'UTC'")
        for path in sorted((DEPLOY / "log-analytics").glob("*_table.json")):
            document = json.loads(path.read_text())
            columns = "".join(f'"{column["name"]}" {TYPES[column["type"]]}, ' for column in document["columns"])
            self.duck.execute(f"create table {document['table']} ({columns}Arrived timestamp)")
        self.duck.execute("create table DCRLogErrors (TimeGenerated timestamp, InputStreamId varchar, Message varchar, Arrived timestamp)")
        self.duck.execute("create table _LogOperation (TimeGenerated timestamp, Category varchar, Detail varchar, Arrived timestamp)")

    def put(self, table: str, *, ago: timedelta, arrived: timedelta | None = None, **values: Any) -> None:
        """A row of then, that arrived at once or later."""
        row = {**values, "TimeGenerated": self.now - ago, "Arrived": self.now - (ago if arrived is None else arrived)}
        names = ", ".join(f'"{name}"' for name in row)
        self.duck.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))

    def log(self, event: str, *, minutes: float = 1, arrived: float | None = None, **fields: Any) -> None:
        """An event, through what makes a row of it before it is shipped."""
        row = row_of({"event": event, **fields}, "prod", "host-1")
        if "Properties" in row:
            row["Properties"] = json.dumps(row["Properties"])
        self.put(TABLE, ago=timedelta(minutes=minutes), arrived=None if arrived is None else timedelta(minutes=arrived), **row)

    def ask(self, name: str) -> list[dict[str, Any]]:
        """What a query finds."""
        text = (DEPLOY / "kql" / f"{name}.kql").read_text(encoding="utf-8").replace("ingestion_time()", "Arrived")
        found = duckdb_kql.kql(self.duck, text)
        return [dict(zip(found.columns, values, strict=True)) for values in found.fetchall()]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.duck.close()


def test_without_a_row_nothing_is_found_but_that_nobody_looks(workspace: Workspace) -> None:
    found = {path.stem: workspace.ask(str(path.relative_to(DEPLOY / "kql").with_suffix(""))) for path in ALERTS}
    assert found == {"attention": [], "silence": [], "lost_logs": [], "no_heartbeat": [{"Looks": 0}]}
    assert {name: workspace.ask(name) for name in sorted(WANTED)} == {name: [] for name in sorted(WANTED)}


def test_a_run_that_broke_is_one_alert_and_another_run_another(workspace: Workspace) -> None:
    workspace.log("table.failed", minutes=9, run_id="run-1", asset="silver.orders", code="GB-1230", reason="the shop does not answer")
    workspace.log("step.broken", minutes=8, run_id="run-1", code="GB-1230", reason="a step ended")
    workspace.log("alert.raised", minutes=7, run_id="run-1", asset="silver.orders", kind="new", severity="error", said="silver.orders failed")
    workspace.log("table.held", minutes=6, run_id="run-2", asset="silver.lots", held_days=2, reason="too few rows")
    found = {row["Subject"]: row for row in workspace.ask("alerts/attention")}
    assert set(found) == {"run-1", "run-2"}
    assert "silver.orders failed" in str(found["run-1"]["Said"]) and "GB-1230" in str(found["run-1"]["Codes"])
    assert {row["Environment"] for row in found.values()} == {"prod"}


def test_an_incident_without_a_run_is_an_alert_of_its_table_and_a_warning_is_none(workspace: Workspace) -> None:
    workspace.log("alert.raised", asset="bronze.orders", kind="new", severity="error", said="bronze.orders is late")
    workspace.log("alert.raised", asset="bronze.lots", kind="new", severity="warn", said="fewer rows than usual")
    assert [row["Subject"] for row in workspace.ask("alerts/attention")] == ["bronze.orders"]


def test_many_incidents_at_once_are_one_alert_and_the_next_many_another(workspace: Workspace) -> None:
    for number in (25, 3000):
        workspace.log("alert.raised", kind="digest", severity="error", said=f"{number} new alerts at once", incidents=number)
    assert {row["Subject"] for row in workspace.ask("alerts/attention")} == {"25 new alerts at once", "3000 new alerts at once"}


def test_what_arrives_late_is_an_alert_when_it_arrives(workspace: Workspace) -> None:
    """A step through Pipes tells at its end what it saw hours before, and an outage keeps lines back."""
    workspace.log("table.held", minutes=300, arrived=2, run_id="late", asset="silver.lots")
    workspace.log("table.held", minutes=300, arrived=299, run_id="told long ago", asset="silver.lots")
    assert [row["Subject"] for row in workspace.ask("alerts/attention")] == ["late"]


def test_silence_is_found_as_long_as_it_is_said_and_the_way_back_is_none(workspace: Workspace) -> None:
    for minutes in (40, 20, 10, 2):
        workspace.log("heartbeat.silent", minutes=minutes, silent_s=(60 - minutes) * 60.0, reasons=["the daemon SENSOR: nothing for 10 min"])
    found = workspace.ask("alerts/silence")
    assert sorted(round(row["Minutes"]) for row in found) == [50, 58]
    workspace.duck.execute(f"delete from {TABLE}")
    workspace.log("heartbeat.back", minutes=1, silent_s=3600.0)
    assert workspace.ask("alerts/silence") == []
    assert workspace.ask("alerts/no_heartbeat") == []


def test_that_nobody_looks_is_found(workspace: Workspace) -> None:
    workspace.log("heartbeat.looked", minutes=31, signs=9)
    assert workspace.ask("alerts/no_heartbeat") == [{"Looks": 0}]
    workspace.log("heartbeat.looked", minutes=29, signs=9)
    assert workspace.ask("alerts/no_heartbeat") == []


def test_lines_are_lost_in_three_ways(workspace: Workspace) -> None:
    workspace.log("logs.lost", lines=7, reason="the spool is full")
    workspace.put("DCRLogErrors", ago=timedelta(minutes=2), InputStreamId="Custom-GlobalBev_CL", Message="a column has another type")
    workspace.put("_LogOperation", ago=timedelta(minutes=3), Category="Ingestion", Detail="OverQuota")
    workspace.put("_LogOperation", ago=timedelta(minutes=3), Category="Ingestion", Detail="a new table")
    workspace.put("_LogOperation", ago=timedelta(hours=3), Category="Ingestion", Detail="OverQuota")
    assert {(row["Table"], row["Said"]) for row in workspace.ask("alerts/lost_logs")} == {
        ("GlobalBev_CL", "7 lines: the spool is full"),
        ("Custom-GlobalBev_CL", "a column has another type"),
        ("the workspace", "OverQuota"),
    }


def test_every_cost_is_some_steps_or_no_steps_and_none_counts_twice(workspace: Workspace) -> None:
    def cost(days: int, dbus: float, amount: float, *, hours: int = 1) -> None:
        day = (workspace.now - timedelta(days=days)).replace(hour=0, minute=0, second=0)
        workspace.put(
            "GlobalBevCost_CL", ago=timedelta(hours=hours), UsageDate=day, Environment="prod", Sku="JOBS", Dbus=dbus, Cost=amount, Currency="USD"
        )

    cost(3, 1.0, 2.0, hours=9)  # exported again since
    cost(3, 4.0, 8.0)
    cost(5, 100.0, 100.0)  # a day without a step
    minutes = 3 * 24 * 60
    for step, seconds, rows in (("bronze_sales", 30.0, 1_000), ("silver_sales", 10.0, 3_000_000)):
        workspace.log("step.ended", minutes=minutes, run_id="run-1", step=step, duration_s=seconds, rows_in=rows)
    found = {row["Step"]: row for row in workspace.ask("cost_by_pipeline")}
    assert {step: round(row["Cost"], 6) for step, row in found.items()} == {"bronze_sales": 6.0, "silver_sales": 2.0, "(no step that day)": 100.0}
    assert round(found["silver_sales"]["CostPerMillionRows"], 6) == round(2 / 3, 6)
    assert round(sum(row["Dbus"] for row in found.values()), 6) == 104.0


def test_steps_stand_in_their_order_and_a_row_that_came_twice_once(workspace: Workspace) -> None:
    for step, seconds in (("a", 10.0), ("b", 99.0), ("a", 30.0), ("c", 50.0)):
        workspace.log("step.ended", step=step, duration_s=seconds)
    workspace.duck.execute(f"insert into {TABLE} select * from {TABLE} where DurationSeconds = 99")
    found = workspace.ask("longest_steps")
    assert [(row["Step"], row["DurationSeconds"]) for row in found] == [("b", 99.0), ("c", 50.0), ("a", 30.0), ("a", 10.0)]
    assert [row["TimesUsual"] for row in found if row["Step"] == "b"] == [1.0]


def test_the_share_in_quarantine_is_of_a_table_and_day(workspace: Workspace) -> None:
    for rows_in, quarantined in ((100, 5), (300, 15)):
        workspace.log("table.published", run_id=f"run-{rows_in}", asset="silver.orders", rows_in=rows_in, quarantined=quarantined)
    workspace.log("table.published", run_id="run-1", asset="silver.lots", rows_in=10, quarantined=0)
    (found,) = workspace.ask("quarantine_by_table")
    assert (found["Asset"], found["RowsIn"], found["Quarantined"], found["Runs"], found["Share"]) == ("silver.orders", 400, 20, 2, 0.05)


def test_a_day_of_runs_that_failed(workspace: Workspace) -> None:
    workspace.log("table.failed", minutes=90, run_id="run-1", asset="silver.orders", code="GB-1230", reason="the shop does not answer")
    workspace.log("table.held", minutes=80, run_id="run-1", asset="silver.lots", held_days=2, reason="too few rows")
    workspace.log("dagster.run_failure", minutes=70, run_id="run-1")
    workspace.log("step.broken", minutes=60 * 25, run_id="yesterday")
    workspace.log("step.ended", minutes=10, run_id="good", step="a", duration_s=1.0)
    (found,) = workspace.ask("failed_runs_24h")
    assert (found["RunId"], found["HeldDays"], found["Ended"] - found["FirstFailure"]) == ("run-1", 2, timedelta(minutes=20))
    assert "silver.orders" in str(found["FailedTables"]) and "silver.lots" not in str(found["FailedTables"])
    assert "silver.lots" in str(found["HeldTables"])


def test_a_silence_is_one_line_with_its_length(workspace: Workspace) -> None:
    for minutes in (40, 20, 2):
        workspace.log("heartbeat.silent", minutes=minutes, silent_s=(60 - minutes) * 60.0, reasons=["the daemon SENSOR"])
    workspace.log("logs.lost", minutes=5, lines=7, reason="the spool is full")
    found = {row["Event"]: row for row in workspace.ask("silence")}
    assert round(found["heartbeat.silent"]["Minutes"]) == 58
    assert found["logs.lost"]["Lines"] == 7
