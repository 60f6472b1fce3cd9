"""What a person sees and does in Dagster's UI: the lineage by layer, a backfill from the dialog, days that turn green, checks by day."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from resources.drift.evaluation import CHECK as DRIFT
from resources.settings import PROJECT
from tests.integration.dev_server import DevServer, dev_server, wait_for
from tests.integration.lakes import Lake, environment

TABLES = ("markets", "stores")
PATIENCE_MS = 30_000
BACKFILL_S = 240.0  # of which 30 may be the tick of the backfill daemon; a warm run takes seconds, one on a machine with other work minutes
IN_PAGE_S = 60.0

LAUNCH = """mutation($assets: [AssetKeyInput!], $days: [String!]) {
  launchPartitionBackfill(backfillParams: {assetSelection: $assets, partitionNames: $days}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}"""
BACKFILLS = "{ partitionBackfillsOrError(limit: 20) { ... on PartitionBackfills { results { id status partitionNames error { message } } } } }"
STATS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  groupName owners { ... on UserAssetOwner { email } } kinds
  assetMaterializations(limit: 100) { partition metadataEntries { label } } } } }"""
CHECKS = """query($key: AssetKeyInput!, $name: String!) { assetCheckExecutions(assetKey: $key, checkName: $name, limit: 100) {
  status partition evaluation { success targetMaterialization { runId } } } }"""
CHECK_NAMES = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetChecksOrError { ... on AssetChecks { checks { name blocking } } } } } }"""


@pytest.fixture(scope="module")
def server(own_lake: Lake) -> Iterator[DevServer]:
    """``dagster dev`` on a Dagster home without history."""
    with dev_server(own_lake.folder, environment(own_lake), PROJECT) as running:
        yield running


@pytest.fixture(scope="module")
def launched(server: DevServer, own_lake: Lake) -> str:
    """A backfill launched through GraphQL. The dialog's is launched right after it, so that both wait for the same ticks of the daemon."""
    found = server.ask(LAUNCH, assets=[key(table) for table in TABLES], days=days(own_lake, 5))["launchPartitionBackfill"]
    assert found["__typename"] == "LaunchBackfillSuccess", found
    return str(found["backfillId"])


@pytest.fixture
def page(server: DevServer, chromium: str) -> Iterator[Page]:
    """A page of a headless Chromium; the address is the server's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        opened = browser.new_page(viewport={"width": 1600, "height": 1000}, base_url=server.url)
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


def key(table: str) -> dict[str, list[str]]:
    return {"path": ["bronze", table]}


def days(lake: Lake, first: int) -> list[str]:
    """Three days of the lake; each test has its own, so that their order does not matter."""
    return [str(day) for day in islice(lake.days, first, first + 3)]


def backfills(server: DevServer) -> dict[str, dict[str, Any]]:
    """All backfills by id."""
    return {found["id"]: found for found in server.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]}


def ends_well(server: DevServer, backfill: str) -> bool:
    """Whether it has ended; one that failed fails the test."""
    found = backfills(server)[backfill]
    assert "FAIL" not in found["status"] and found["error"] is None, f"{found}\n{server.log.read_text()[-5000:]}"
    return bool(found["status"] == "COMPLETED_SUCCESS")


@pytest.mark.browser
def test_the_lineage_shows_the_layers_as_groups_and_their_tables(page: Page) -> None:
    page.goto("/asset-groups/?expanded=" + "%2C".join(f"global%40global%3A{layer}" for layer in ("bronze", "silver", "gold")))
    for layer in ("bronze", "silver", "gold"):
        expect(page.get_by_text(layer, exact=True).first).to_be_visible()
    for table in ("order_lines", "inventory_levels", "executive_kpis"):
        expect(page.get_by_text(table).first).to_be_attached()


@pytest.mark.browser
def test_a_backfill_from_the_dialog_turns_its_days_green(page: Page, server: DevServer, own_lake: Lake, launched: str) -> None:
    chosen, before = days(own_lake, 0), set(backfills(server))
    assert launched in before
    page.goto("/assets")
    for table in TABLES:
        page.get_by_test_id(f"checkbox-bronze/{table}").dispatch_event("click")  # the box that is seen is drawn over it
    page.get_by_role("button", name="Materialize selected").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_role("textbox").first
    field.fill(f"[{chosen[0]}...{chosen[-1]}]")
    field.blur()
    expect(dialog.get_by_text("3 partitions").first).to_be_visible()
    dialog.get_by_role("button", name="Launch backfill").click()
    wait_for(lambda: set(backfills(server)) > before, IN_PAGE_S, server.log)
    (from_dialog,) = set(backfills(server)) - before
    wait_for(lambda: ends_well(server, from_dialog), BACKFILL_S, server.log)
    for table in TABLES:
        page.goto(f"/assets/bronze/{table}?view=partitions")
        field = page.get_by_role("textbox").first
        field.fill(f"[{chosen[0]}...{chosen[-1]}]")
        field.blur()
        expect(page.get_by_text("Materialized (3)")).to_be_visible()
        expect(page.get_by_text("Missing (0)")).to_be_visible()


def test_a_backfill_by_graphql_reports_days_figures_and_every_check_by_day(server: DevServer, own_lake: Lake, launched: str) -> None:
    chosen = days(own_lake, 5)
    wait_for(lambda: ends_well(server, launched), BACKFILL_S, server.log)
    for table in TABLES:
        seen = server.ask(STATS, key=key(table))["assetNodeOrError"]
        assert (seen["groupName"], set(seen["kinds"])) == ("bronze", {"delta", "pyspark", "postgres"})
        assert seen["owners"][0]["email"].endswith(".example")
        figures = {found["partition"]: {entry["label"] for entry in found["metadataEntries"]} for found in seen["assetMaterializations"]}
        for day in chosen:
            assert {"rows_in", "published", "quarantined", "unaccounted", "dagster/partition_row_count"} <= figures[day]
        checks = server.ask(CHECK_NAMES, key=key(table))["assetNodeOrError"]["assetChecksOrError"]["checks"]
        assert {check["name"] for check in checks if check["blocking"]} == {"contract"}
        for check in checks:
            executions = server.ask(CHECKS, key=key(table), name=check["name"])["assetCheckExecutions"]
            if check["name"] == DRIFT:  # about the source as it is, so without days; Dagster plans it for each day of the run all the same
                assert next(found["status"] for found in executions if not found["partition"]) == "SUCCEEDED"
                assert executions[0]["partition"] is None, "the newest is what the UI shows"
                continue
            by_day = {found["partition"]: found for found in executions if found["partition"]}
            # Dagster plans a check for each day of the run: one without a result stays planned, and the UI calls it skipped.
            assert {by_day[day]["status"] for day in chosen} <= {"SUCCEEDED", "FAILED"}, check["name"]
            assert all(by_day[day]["evaluation"]["targetMaterialization"] for day in chosen)
        contract = server.ask(CHECKS, key=key(table), name="contract")["assetCheckExecutions"]
        assert {found["partition"] for found in contract if found["status"] == "SUCCEEDED"} >= set(chosen)


def test_dagster_dev_says_nothing_that_a_person_would_worry_about(server: DevServer) -> None:
    said = server.log.read_text()
    assert "Traceback" not in said
    assert " ERROR " not in said
    assert f"Serving dagster-webserver on {server.url}" in said
