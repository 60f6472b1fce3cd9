"""Events: their names, their binding, their two forms, and that each one that the code emits is in the list."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from globalbev_assets.errors import TransientError
from resources.ledger import LedgerRow
from resources.logs.events import CONTEXT_FIELDS, EVENTS, LOGGER, as_line, bound, emit
from resources.logs.formatting import fields_of, formatter
from resources.logs.step_events import step_log, tell_table
from resources.settings import Settings
from tests.unit.test_architecture import MODULES

DAYS = [date(2026, 5, 1), date(2026, 5, 2)]


class Kept(logging.Handler):
    """Keeps the fields of what is logged, as they would be rendered."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, Any]] = []
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.fields.append(fields_of(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, logger = Kept(), logging.getLogger(LOGGER)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@dataclass
class Result:
    rows: list[LedgerRow] = field(default_factory=list)
    error: BaseException | None = None


def row(day: date, state: str = "published", **figures: Any) -> LedgerRow:
    from partitions.days import now  # noqa: PLC0415

    return LedgerRow("silver.orders", day, "run", state, now(), "1.0.0", **figures)


def test_an_event_carries_what_is_bound(kept: Kept) -> None:
    with bound(run_id="r", step="silver_sales", days="2026-05-01"), bound(asset="silver.orders"):
        emit("table.committed", version=7, day_count=1, duration_s=1.23456)
    emit("server.ended", pid=1)
    first, last = kept.fields
    assert {name: first[name] for name in (*CONTEXT_FIELDS, "event", "level", "logger", "version", "duration_s")} == {
        "run_id": "r", "step": "silver_sales", "days": "2026-05-01", "asset": "silver.orders",
        "event": "table.committed", "level": "info", "logger": "globalbev.table", "version": 7, "duration_s": 1.235,
    }  # fmt: skip
    assert not set(CONTEXT_FIELDS) & set(last)


def test_a_step_tells_its_tables_and_its_totals(kept: Kept) -> None:
    through = Result([row(DAYS[0], rows_in=10, published=8, quarantined=2, delta_version=3), row(DAYS[1], "held", rows_in=5, reason="too many")])
    failed = Result([row(DAYS[0], "failed")], TransientError("GB-1230", "The database does not answer.", got="jane@example.com"))
    with step_log("r", "silver_sales", DAYS, 2) as told:
        for result in (through, failed):
            tell_table(result, 1.5)
            told.append(result)
    names = [fields["event"] for fields in kept.fields]
    assert names == ["step.started", "table.published", "table.held", "table.failed", "step.ended"]
    published, held, broken, ended = kept.fields[1:]
    assert (published["rows_in"], published["published"], published["quarantined"], published["delta_version"]) == (15, 8, 2, 3)
    assert (held["held_days"], held["first_held_day"], held["reason"], held["level"]) == (1, "2026-05-02", "too many", "warning")
    assert (broken["code"], broken["reason"], broken["level"]) == ("GB-1230", "GB-1230 The database does not answer.", "error")
    assert (ended["tables"], ended["failed_tables"], ended["held_days"], ended["failed_days"], ended["rows_in"]) == (2, 1, 1, 1, 15)
    assert {fields["days"] for fields in kept.fields} == {"2026-05-01 to 2026-05-02"}


def test_a_step_that_breaks_says_so_and_raises(kept: Kept) -> None:
    with pytest.raises(ValueError, match="jane"), step_log("r", "silver_sales", DAYS, 2):
        raise ValueError("jane@example.com is wrong")
    assert [(fields["event"], fields.get("reason")) for fields in kept.fields] == [("step.started", None), ("step.broken", "*** is wrong")]


def test_an_abandoned_step_neither_fails_nor_stays_bound(kept: Kept) -> None:
    """Dagster drops the generator of a step that it interrupts."""

    def steps() -> Iterator[None]:
        with step_log("r", "silver_sales", DAYS, 2):
            yield

    running = steps()
    next(running)
    running.close()
    emit("server.ended", pid=1)
    assert [fields["event"] for fields in kept.fields] == ["step.started", "server.ended"]
    assert "run_id" not in kept.fields[-1]


def test_a_library_and_ours_have_one_form() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter("json"))
    loggers = [logging.getLogger(LOGGER), logging.getLogger("some.library")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        loggers[1].warning("slow: %s of %d", "jane@example.com", 3, extra={"anything": 1})
        with bound(asset="silver.orders"):
            emit("table.held", held_days=1, reason="volume 20 % low")
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    library, ours = (json.loads(line) for line in out.getvalue().splitlines())
    assert (library["event"], library["level"], library["logger"]) == ("slow: *** of 3", "warning", "some.library")
    assert (ours["event"], ours["asset"], ours["reason"]) == ("table.held", "silver.orders", "volume 20 % low")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", ours["timestamp"])


def test_a_person_reads_a_line() -> None:
    record = logging.LogRecord("globalbev.table", logging.INFO, "f", 1, "x", (), None)
    record.globalbev_event = {"event": "table.published", "asset": "silver.orders", "rows_in": 3}
    line = formatter("console").format(record)
    assert re.sub(r"^\S+ ", "", line) == "[info     ] table.published      [globalbev.table] asset=silver.orders rows_in=3"


def test_a_traceback_shows_no_local_variables() -> None:
    """rich's would: a connection string stands in a local variable wherever it is used."""
    for form in ("json", "console"):
        try:
            local_canary = "canary-local"
            raise ValueError(f"{len(local_canary)} letters")
        except ValueError as error:
            record = logging.LogRecord("x", logging.ERROR, "f", 1, "oh", (), (type(error), error, error.__traceback__))
        text = formatter(form).format(record)  # type: ignore[arg-type]
        assert "ValueError: 12 letters" in text
        assert "canary-local" not in text


def test_dagsters_log_gets_a_line_that_reads(kept: Kept) -> None:
    with bound(run_id="r", asset="silver.orders"):
        emit("table.held", held_days=1, first_held_day="2026-05-01", reason="too many rows")
    said = kept.records[0].getMessage()
    assert said == 'table.held held_days=1 first_held_day=2026-05-01 reason="too many rows" asset=silver.orders'
    assert as_line("x", {"run_id": "r", "empty": None}) == "x"


def emitted() -> Iterator[tuple[str, str, set[str]]]:
    """Every call of ``emit`` in the code: place, event, names of the fields that are written out."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "emit" and node.args and isinstance(node.args[0], ast.Constant):
                yield f"{path.name}:{node.lineno}", str(node.args[0].value), {keyword.arg for keyword in node.keywords if keyword.arg}


def test_every_event_is_listed_with_its_fields_and_every_listed_one_is_emitted() -> None:
    calls = list(emitted())
    assert {event for _, event, _ in calls} == set(EVENTS)
    assert [(place, event, sorted(names - set(EVENTS[event].fields))) for place, event, names in calls if names - set(EVENTS[event].fields)] == []


def test_nobody_prints_or_logs_beside_it() -> None:
    """A logger of one's own has no fields to query. The sandbox's API is a process of its own, and Spark's logger is only switched off."""
    ours = {"events.py", "setup.py", "dagster_console.py", "of_run.py", "relay.py", "shipping.py"}
    others = {"inventory_server.py", "spark.py", "heartbeat_notice.py", "channels.py"}  # the last two switch apprise's off
    found = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"logging.getLogger", "structlog.get_logger", "logging.basicConfig"}
    }
    assert found <= ours | others


def test_an_event_costs_little(kept: Kept) -> None:
    """A step of thirty tables emits a hundred and lasts twenty seconds or more: a hundredth of that would be 2 ms an event."""
    logging.getLogger(LOGGER).removeHandler(kept)
    out = logging.StreamHandler(io.StringIO())
    out.setFormatter(formatter("json"))
    logging.getLogger(LOGGER).addHandler(out)
    started = time.process_time()
    with bound(run_id="r", step="silver_sales", days="2026-05-01 to 2026-05-31", asset="silver.orders"):
        for number in range(200):
            emit("table.published", duration_s=1.5, published_days=31, rows_in=number, published=number, quarantined=0)
    seconds = (time.process_time() - started) / 200
    logging.getLogger(LOGGER).removeHandler(out)
    assert seconds < 0.002, f"{seconds * 1000:.2f} ms an event"


def test_the_settings_decide_the_form() -> None:
    from resources.logs.setup import form_of  # noqa: PLC0415

    assert form_of(Settings(env="local", _env_file=None)) == "console"  # type: ignore[call-arg]
    assert form_of(Settings(env="prod", _env_file=None)) == "json"  # type: ignore[call-arg]
    assert form_of(Settings(env="prod", log_format="console", _env_file=None)) == "console"  # type: ignore[call-arg]


def test_loading_the_command_line_imports_no_structlog() -> None:
    """75 ms that ``globalbev --help`` need not pay."""
    code = "import sys, globalbev_assets.operations.cli; print([name for name in ('structlog', 'opentelemetry') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
