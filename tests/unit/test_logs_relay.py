"""What a cluster logged is logged again where the run is, from the line or the fields that came back."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.logs.events import EVENT_ATTRIBUTE, EVENTS, LOGGER, as_line, bound, emit
from resources.logs.relay import from_line, handed_over, relay
from resources.settings import PROJECT

VALUES = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(min_size=1).filter(lambda text: text[0] not in "-0123456789")
)


@given(name=st.sampled_from(sorted(EVENTS)), fields=st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), VALUES))
def test_a_line_says_all_that_it_was_made_of(name: str, fields: dict[str, Any]) -> None:
    fields = {key: value for key, value in fields.items() if key not in ("run_id", "step")}
    assert from_line(as_line(name, fields)) == (name, fields)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Started execution of step.",
        "table.published and more",
        "table.unheard_of rows_in=1",
        'table.published reason="open',
        "table.published=1",
        r'table.failed reason="half an \*"',
    ],
)
def test_any_other_text_is_none_of_ours(line: str) -> None:
    assert from_line(line) is None


def test_days_and_codes_stay_texts() -> None:
    assert from_line("table.failed days=2026-05-01 code=GB-1203 attempt=007") == (
        "table.failed",
        {"days": "2026-05-01", "code": "GB-1203", "attempt": "007"},
    )


def test_what_is_handed_over_is_said_again_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """On a cluster and here again: the same fields, time, level and line; another run's stays where it is; no secret goes over."""
    reported: list[dict[str, Any]] = []
    with caplog.at_level(logging.INFO, LOGGER):
        with handed_over(reported.append, "mine"):
            with bound(run_id="other"):
                emit("server.ended", pid=1)
            with bound(run_id="mine", step="silver_sales"):
                emit("table.failed", code="GB-1203", reason="no answer for jane@example.com", duration_s=1.5)
        emit("server.ended", pid=2)
        (event,) = reported
        relay(event["fields"], event["created"])
    _, there, _, here = caplog.records
    assert (here.name, here.levelno, here.created) == (there.name, there.levelno, there.created)
    assert here.getMessage() == there.getMessage().replace("jane@example.com", "***")
    assert getattr(here, EVENT_ATTRIBUTE) == {**getattr(there, EVENT_ATTRIBUTE), "reason": "no answer for ***"}


ON_SERVERLESS = """
import json
from types import SimpleNamespace
from globalbev_assets import piped
from resources.logs.events import bound, emit

def published(lakehouse, run_id, *more):
    with bound(run_id=run_id, step="bronze_sales"):
        emit("step.started", tables=1, day_count=1)
        emit("table.failed", code="GB-2001", reason="refused: s3cret-of-the-shop", duration_s=1.0)
    return iter(())

piped.published, sent = published, []
piped.publish(SimpleNamespace(run_id="mine", extras={"tables": [], "days": [], "layer": "bronze"}, report_custom_message=sent.append))
print(json.dumps(sent))
"""


def test_serverless_compute_tells_all_levels_and_no_secret() -> None:
    """In a process of its own, which nobody has told yet what is to be logged."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLOBALBEV")}
    environment = kept | {"GLOBALBEV_SHOP_DSN": "postgresql://etl:s3cret-of-the-shop@10.0.0.5/shop"}
    done = subprocess.run([sys.executable, "-c", ON_SERVERLESS], env=environment, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
    *logged, last = json.loads(done.stdout)
    assert [message["logged"]["fields"]["event"] for message in logged] == ["step.started", "table.failed"]
    assert logged[1]["logged"]["fields"]["reason"] == "refused: ***"
    assert last == {"globalbev": "done"}
