"""A release and its way back: the order, the deadline, what goes back and what stays; the whole once against played apps and real tables."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from deploy.checks.checkov_check import Finding, judged
from deploy.release import order
from deploy.release.__main__ import image, main, moment, summary
from deploy.release.azure import ContainerApps
from deploy.release.plan import DEADLINE_S, Done, Plan, Restored, execute, plan_of
from deploy.release.rehearsal import LocalLake, rehearse
from globalbev_assets.contracts.names import TableName
from globalbev_assets.governance.scripts import unity_contracts
from tests.unit.contract_files import packaged

IMAGE = "crglobalbevdev.azurecr.io/globalbev:good"
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()


class Apps:
    """Apps that are ready after being asked a number of times."""

    def __init__(self, asked_until_ready: Mapping[str, int]) -> None:
        self.left, self.log = dict(asked_until_ready), list[str]()

    def stop(self, app: str) -> None:
        self.log.append(f"stop {app}")

    def is_gone(self, app: str) -> bool:
        self.left[f"gone {app}"] = self.left.get(f"gone {app}", 0) - 1
        return self.left[f"gone {app}"] < 0

    def start(self, app: str, image: str) -> None:
        self.log.append(f"start {app} {image}")

    def is_ready(self, app: str, image: str) -> bool:  # noqa: ARG002
        self.left[app] = self.left.get(app, 0) - 1
        return self.left[app] < 0

    def previous_image(self, app: str) -> str:  # noqa: ARG002
        return IMAGE


class Tables:
    def __init__(self, log: list[str] | None = None) -> None:
        self.restored: list[tuple[str, datetime]] = []
        self.log = log if log is not None else []

    def wake(self) -> None:
        self.log.append("wake")

    def stop_writers(self) -> int:
        self.log.append("stop writers")
        return 2

    def restore(self, name: TableName, moment: datetime) -> Restored:
        self.restored.append((str(name), moment))
        self.log.append("restore")
        return "restored"


@pytest.fixture(autouse=True)
def contracts_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("__main__", "rehearsal"):
        monkeypatch.setattr(f"deploy.release.{module}.load_contracts", packaged)


def contracts() -> Any:
    return unity_contracts(packaged()).values()


def test_the_daemon_stops_first_and_comes_back_last() -> None:
    apps = Apps({"code": 2})
    done = execute(plan_of("dev", IMAGE, contracts(), None), apps, Tables(), wait=lambda _: None)
    assert apps.log == ["stop daemon", f"start code {IMAGE}", f"start web {IMAGE}", f"start daemon {IMAGE}", f"start heartbeat {IMAGE}"]
    assert [one.step for one in done] == ["stop daemon", "start code", "start web", "start daemon", "start heartbeat"]


def test_a_heartbeat_that_does_not_start_keeps_nothing_back() -> None:
    """An image from before it was there ends at its options, for ever."""
    apps = Apps({"heartbeat": 10_000})
    assert execute(Plan("dev", IMAGE), apps, Tables(), wait=lambda _: None)[-1].outcome == "done"


def test_without_a_time_the_tables_stay() -> None:
    tables = Tables()
    execute(plan_of("dev", IMAGE, contracts(), None), Apps({}), tables, wait=lambda _: None)
    assert tables.restored == []
    assert tables.log == [], "nor is a warehouse woken, which costs"


def test_with_a_time_all_but_bronze_goes_back() -> None:
    tables = Tables()
    execute(plan_of("dev", IMAGE, contracts(), NOW), Apps({}), tables, wait=lambda _: None)
    layers = {name.split(".")[0] for name, _ in tables.restored}
    assert layers == {"silver", "gold", "quarantine", "ops"}
    assert ("ops.ledger", NOW) in tables.restored
    assert len(tables.restored) == len([one for one in contracts() if one.layer != "bronze"])


def test_nothing_writes_any_more_before_a_table_goes_back() -> None:
    """A step on a cluster outlives Dagster's container, and would publish into a table that was just restored."""
    apps = Apps({})
    done = execute(plan_of("dev", IMAGE, contracts(), NOW), apps, Tables(apps.log), wait=lambda _: None)
    assert apps.log[:5] == ["wake", "stop daemon", "stop code", "stop writers", "stop writers"]
    assert apps.log.index("restore") > 4
    assert ("cancel steps under way", "4 cancelled") in {(one.step, one.outcome) for one in done}


def test_what_the_old_code_submits_while_it_ends_is_cancelled_too() -> None:
    """It was told to end, and lets its runs end first: a step that was being uploaded, or tried again, is submitted after the first cancelling."""
    apps = Apps({"gone code": 3})
    execute(plan_of("dev", IMAGE, contracts(), NOW), apps, Tables(apps.log), wait=lambda _: None)
    before = apps.log[: apps.log.index("restore")]
    assert before == ["wake", "stop daemon", "stop code", *["stop writers"] * 5]


def test_tables_stay_while_the_old_code_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr("deploy.release.plan.time.monotonic", lambda: next(clock))
    tables = Tables()
    with pytest.raises(TimeoutError, match="the old code is not gone"):
        execute(plan_of("dev", IMAGE, contracts(), NOW), Apps({"gone code": 10_000}), tables, wait=lambda _: None)
    assert tables.restored == []


def test_an_app_that_does_not_start_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr("deploy.release.plan.time.monotonic", lambda: next(clock))
    apps = Apps({"web": 10_000})
    with pytest.raises(TimeoutError, match="web is not ready"):
        execute(Plan("dev", IMAGE), apps, Tables(), wait=lambda _: None)
    assert f"start daemon {IMAGE}" not in apps.log


def test_a_table_that_cannot_be_restored_ends_it() -> None:
    class Broken(Tables):
        def restore(self, name: TableName, moment: datetime) -> Restored:  # noqa: ARG002
            raise SystemExit(f"RESTORE of {name}: files are gone")

    apps = Apps({})
    with pytest.raises(SystemExit, match="files are gone"):
        execute(plan_of("dev", IMAGE, contracts(), NOW), apps, Broken(), wait=lambda _: None)
    assert apps.log[-2:] == [f"start daemon {IMAGE}", f"start heartbeat {IMAGE}"], "a platform without its daemon would be the worse for it"


@pytest.mark.parametrize("value", ["2026-11-25T06:00:00", "2999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"])
def test_a_time_without_a_zone_or_to_come_or_whose_files_are_gone_is_refused(value: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment(value)


@pytest.mark.parametrize("value", ["globalbev:latest", "docker.io/evil:1", "crx.azurecr.io/a:1 --yes", "$(id)"])
def test_an_image_from_elsewhere_is_refused(value: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        image(value)


def test_an_image_of_ours_is_taken() -> None:
    assert {image(one) for one in (IMAGE, f"crx.azurecr.io/globalbev@sha256:{'0' * 64}", "previous")}


def test_a_dry_run_says_all_and_does_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["release", "prod", "--image", IMAGE, "--data-to", YESTERDAY, "--dry-run"])
    assert main() == 0
    said = capsys.readouterr().out
    assert said.startswith(
        f"prod: wake the warehouse, stop daemon, stop code, cancel steps under way; start code, start web, start daemon, start heartbeat with {IMAGE}\n"
    )
    assert "silver.orders" in said


def test_without_a_warehouse_nothing_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What restores is missed before the daemon is down, not after."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("WAREHOUSE_ID", "")
    monkeypatch.setattr(sys, "argv", ["release", "prod", "--image", IMAGE, "--data-to", YESTERDAY])
    with pytest.raises(SystemExit, match="WAREHOUSE_ID"):
        main()


def test_without_knowing_whose_steps_have_to_end_nothing_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks into something has runs of their own in the workspace."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("WAREHOUSE_ID", "w1")
    monkeypatch.delenv("PIPELINE_CLIENT_ID", raising=False)
    monkeypatch.setattr(sys, "argv", ["release", "prod", "--image", IMAGE, "--data-to", YESTERDAY])
    with pytest.raises(SystemExit, match="PIPELINE_CLIENT_ID"):
        main()


@pytest.mark.parametrize(("outcomes", "code"), [(("younger", "younger"), 1), (("younger", "restored"), 0), (("unchanged", "unchanged"), 0)])
def test_a_time_before_all_tables_ends_red(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcomes: tuple[str, str], code: int
) -> None:
    monkeypatch.setenv("WAREHOUSE_ID", "w1")
    monkeypatch.setenv("PIPELINE_CLIENT_ID", "p1")
    monkeypatch.setattr(sys, "argv", ["release", "prod", "--image", IMAGE, "--data-to", YESTERDAY])
    names = [str(name) for name in plan_of("prod", IMAGE, contracts(), NOW).tables]
    done = [Done("stop daemon", "done", 1.0), *(Done(name, outcomes[min(number, 1)], 0.1) for number, name in enumerate(names))]
    monkeypatch.setattr("deploy.release.__main__.execute", lambda *_: done)
    assert main() == code
    assert ("is it the right one?" in capsys.readouterr().out) == bool(code)


def test_the_summary_says_whether_the_promise_was_kept() -> None:
    assert summary([Done("stop daemon", "done", 1.0)], 12.0).endswith("12.0 s  in all, within the 300 s that are promised")
    assert "OVER the 300 s" in summary([], DEADLINE_S + 1)


def test_an_older_commit_does_not_overtake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two merges, side by side; the first one's tests took longer. A real repository, az played."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    commits = []
    for number in range(2):
        git("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--allow-empty", "--quiet", "-m", str(number))
        commits.append(git("rev-parse", "HEAD"))
    older, newer = commits
    program = tmp_path / "az"

    def deployed(revision: str) -> None:
        answer = json.dumps({"properties": {"latestRevisionName": f"ca-globalbev-dev-code--{revision}"}})
        program.write_text(f"#!/bin/sh\necho '{answer}'\n")
        program.chmod(0o700)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    for revision, commit, code in (
        (f"c{newer[:12]}-120000", older, 1),
        (f"c{older[:12]}-120000", newer, 0),
        (f"c{newer[:12]}-120000", newer, 0),
        ("back-120000", older, 0),
        (f"c{'0' * 12}-120000", older, 0),
    ):
        deployed(revision)
        monkeypatch.setattr(sys, "argv", ["order", "dev", commit])
        assert order.main() == code, revision
    assert "is not known here" in capsys.readouterr().out


def test_the_programs_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "az"
    program.write_text("#!/bin/sh\necho 'no such app' >&2\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SystemExit, match="az containerapp revision list of code: no such app"):
        ContainerApps("dev").previous_image("code")


def test_a_table_that_was_not_there_stays_and_an_untouched_one_gets_no_commit(tmp_path: Path) -> None:
    rows, lake = pa.table({"a": [1]}), LocalLake(tmp_path)
    write_deltalake(tmp_path / "silver" / "orders", rows)
    name, soon = TableName("silver", "orders"), datetime.now(UTC) + timedelta(seconds=5)
    assert lake.restore(name, soon) == "unchanged"
    assert lake.restore(name, NOW - timedelta(days=9999)) == "younger"
    assert lake.restore(TableName("silver", "never"), NOW) == "younger"


def test_no_table_goes_back_before_the_warehouse_is_up(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "silver" / "orders", pa.table({"a": [1]}))
    lake = LocalLake(tmp_path, start_s=0.3)
    woken = time.monotonic()
    lake.wake()
    assert time.monotonic() - woken < 0.3, "the other steps go on meanwhile"
    assert lake.restore(TableName("silver", "orders"), datetime.now(UTC) + timedelta(seconds=5)) == "unchanged"
    assert time.monotonic() - woken >= 0.3


def test_a_rollback_brings_back_code_and_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan, az's arguments and Delta's restore are real; the apps are played."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    lake = tmp_path / "lake"
    for table in ("silver/orders", "silver/stores", "gold/fact_daily_sales", "ops/ledger", "bronze/orders"):
        write_deltalake(lake / table, pa.table({"a": [1, 2, 3], "b": ["x", None, table]}))
    (tmp_path / "work").mkdir()
    assert rehearse(lake, tmp_path / "work", start_s=0.1, warehouse_s=0.2) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 tables, 4 of them broken by the deployment\n")
    assert said.endswith("4 of 4 tables are what they were\n")
    assert '"image": "crglobalbevdev.azurecr.io/globalbev:good"' in (tmp_path / "work" / "apps.json").read_text()


def test_a_finding_needs_a_reason_and_a_reason_a_finding() -> None:
    found = [Finding("CKV_1", "azurerm_a", "x.tf: a", "bad"), Finding("CKV_1", "azurerm_b", "x.tf: b", "bad")]
    assert judged(found, [{"id": "CKV_1", "about": "azurerm_a"}, {"id": "CKV_1", "about": "azurerm_b"}]) == []
    todo = judged(found[:1], [{"id": "CKV_2", "about": "azurerm_a"}])
    assert [line.split()[0] for line in todo] == ["CKV_1", "CKV_2"]


def test_every_kept_finding_has_a_reason() -> None:
    import yaml  # noqa: PLC0415

    from deploy.checks.checkov_check import SKIPS  # noqa: PLC0415

    assert all(len(skip["why"]) > 30 for skip in yaml.safe_load(SKIPS.read_text()))
