"""kill -9 of the client at every commit of publishing (F1, F3, F5): a day is its old or its new content, and a retry needs no hand."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from resources.failpoints import PUBLISH_FAILPOINTS
from resources.settings import Settings
from resources.spark_server import server_status

from .refunds import ONE_DAY, Refunds, assert_day_is, assert_sound, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
OLD, NEW = 1, 2
HAS_NEW = ("publish.after_table", "step.before_ledger", "step.after_ledger")
NAP_S = 15.0
# Merging differs from replacing in the table's commit only; the other places are tried too, outside CI.
IN_CI = {
    ("by_day", "publish.after_quarantine"),
    ("by_day", "publish.after_table"),
    ("by_day", "step.before_ledger"),
    ("by_key", "publish.after_table"),
}
CASES = [
    pytest.param(kind, place, marks=[] if (kind, place) in IN_CI else [pytest.mark.slow])
    for kind in ("by_day", "by_key")
    for place in PUBLISH_FAILPOINTS
]


@pytest.mark.parametrize(("kind", "place"), CASES)
def test_killed_at_a_commit_the_day_is_old_or_new_and_the_retry_mends_it(kind: str, place: str, settings: Settings) -> None:
    refunds, day = Refunds(settings, kind), ONE_DAY[0]
    refunds.publish("before", OLD, ONE_DAY)
    client = refunds.start("killed", NEW, ONE_DAY, GLOBALBEV_FAILPOINT=f"{place}:kill")
    assert client.wait(timeout=120) == -signal.SIGKILL
    assert_day_is(refunds, NEW if place in HAS_NEW else OLD, day)
    result = refunds.publish("retry", NEW, ONE_DAY)
    assert result.error is None
    assert_sound(refunds, {day: NEW})
    assert result.rows[0].state == ("unchanged" if place in HAS_NEW else "published")


def test_killed_at_the_very_first_publish_the_retry_adds_nothing_twice(refunds: Refunds) -> None:
    """An empty table, and an empty quarantine, are appended to; the retry finds the quarantine filled and the table empty."""
    client = refunds.start("killed", NEW, ONE_DAY, GLOBALBEV_FAILPOINT="publish.after_quarantine:kill")
    assert client.wait(timeout=120) == -signal.SIGKILL
    refunds.publish("retry", NEW, ONE_DAY)
    assert_sound(refunds, {ONE_DAY[0]: NEW})


def test_killed_between_table_and_ledger_the_old_content_can_be_published_again(settings: Settings) -> None:
    """The ledger still has the old content's hash while the table has the new content: it is the table that counts."""
    refunds = Refunds(settings)
    refunds.publish("before", OLD, ONE_DAY)
    client = refunds.start("killed", NEW, ONE_DAY, GLOBALBEV_FAILPOINT="step.before_ledger:kill")
    assert client.wait(timeout=120) == -signal.SIGKILL
    assert_day_is(refunds, NEW, ONE_DAY[0])
    assert refunds.publish("retry", OLD, ONE_DAY).rows[0].state == "published"
    assert_sound(refunds, {ONE_DAY[0]: OLD})


def test_a_zombie_is_fenced_and_never_lands_after_the_retry(refunds: Refunds, tmp_path: Path) -> None:
    """A killed client's write goes on at the warm server; it was seen to land 46 s later."""
    refunds.publish("before", OLD, ONE_DAY)
    marker = tmp_path / "reached"
    variables = {"GLOBALBEV_FAILPOINT": "publish.after_quarantine:go", "GLOBALBEV_FAILPOINT_MARKER": str(marker)}
    client = refunds.start("zombie", NEW + 1, ONE_DAY, "--slow", str(NAP_S), **variables)
    wait_for(marker.exists, 120)
    wait_for(lambda: server_status(refunds.settings).has_jobs)
    napping_at = time.monotonic()
    time.sleep(1)
    client.kill()
    client.wait()
    assert refunds.publish("retry", NEW, ONE_DAY).error is None
    time.sleep(max(0.0, napping_at + NAP_S + 3 - time.monotonic()))
    assert refunds.writers() == ["before", "retry"]
    assert_sound(refunds, {ONE_DAY[0]: NEW})
