"""``docs/observability.md`` lists what is logged, counted and set, exactly."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from resources.logs.events import CONTEXT_FIELDS, EVENTS
from resources.metrics.instruments import OF_EVENTS, OF_LAKE
from resources.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def rows(head: str) -> dict[str, list[str]]:
    """The table whose heading row begins so: first cell, without backticks, to the others."""
    table = TEXT.partition(f"| {head} |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {first.strip("`"): others for first, *others in cells}


def test_the_events_are_those_of_the_code() -> None:
    assert rows("event") == {
        name: [logging.getLevelName(event.level).lower(), ", ".join(f"`{field}`" for field in event.fields), event.meaning]
        for name, event in EVENTS.items()
    }
    assert all(f"`{name}`" in TEXT for name in CONTEXT_FIELDS)


def test_the_metrics_are_those_of_the_code() -> None:
    assert rows("metric") == {
        each.name: [each.kind, f"`{each.unit}`", ", ".join(f"`{name}`" for name in each.attributes), each.description]
        for each in (*OF_EVENTS, *OF_LAKE)
    }


def test_the_settings_are_those_of_the_code_with_their_defaults() -> None:
    fields = {name: field for name, field in Settings.model_fields.items() if name.startswith(("log_", "metrics_", "dagster_url"))}
    expected = {f"GLOBALBEV_{name.upper()}": "" if field.default is None else f"`{field.default}`" for name, field in fields.items()}
    assert {name: default for name, (default, _) in rows("variable").items()} == expected


def test_every_sign_of_the_heartbeat_stands_in_its_runbook() -> None:
    runbook = (ROOT / "docs" / "runbooks" / "dagster-silent.md").read_text(encoding="utf-8")
    from globalbev_assets.operations import heartbeat_signs  # noqa: PLC0415

    signs = [heartbeat_signs.STORAGE, heartbeat_signs.UI, heartbeat_signs.CODE, heartbeat_signs.TICKS, "the daemon"]
    assert [sign for sign in signs if not re.search(rf"^\| {sign}", runbook, re.MULTILINE)] == []


def test_every_query_is_listed() -> None:
    assert [path.name for path in (ROOT / "deploy" / "kql").glob("*.kql") if f"deploy/kql/{path.name}" not in TEXT] == []
