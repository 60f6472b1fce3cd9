"""What bronze itself finds in the files that it is about to load, where no sensor ever ran. No Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from globalbev_assets.contracts.names import TableName
from resources.delta_log import FolderLog
from resources.drift.bronze import record_files
from resources.drift.hold import held_by_drift
from resources.ledger import LedgerRow
from resources.steps import Step
from tests.integration.drift_world import CRM_HEADER, DAY, NEXT_DAY, World, crm, making, shop_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
CRM = TableName("bronze", "crm_contacts")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with shop_server(tmp_path_factory.mktemp("shop")) as dsn:
        yield dsn


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    with making(server, tmp_path) as made:
        yield made


def load(world: World, files: list[tuple[Path, date]], days: list[date]) -> dict[date, str]:
    """Bronze's look at these files and its load; the days that silver may not read then."""
    step = cast("Step", SimpleNamespace(lake=SimpleNamespace(settings=world.settings, book=world.book, log=FolderLog()), days=days))
    record_files(step, world.book[CRM], files)
    read_at = datetime.now(UTC) + timedelta(seconds=1)
    bronze = {day: LedgerRow(str(CRM), day, "run", "published", read_at, "1.0.0") for day in days}
    return held_by_drift([row for row in world.rows() if row.table_name == str(CRM)], bronze, days)


def without(name: str) -> str:
    """The usual file without one of its columns."""
    place = CRM_HEADER.split(",").index(name)
    return "\n".join(",".join(cell for at, cell in enumerate(line.split(",")) if at != place) for line in crm().splitlines()) + "\n"


@pytest.mark.parametrize("name", ["email", "loyalty_tier", "contact_id"])
def test_a_file_without_a_column_holds_its_own_day_until_it_comes_whole(world: World, name: str) -> None:
    bad = world.deliver("crm_contacts", NEXT_DAY, "more.csv", without(name))
    good = world.deliver("crm_contacts", DAY, "some.csv", crm())
    held = load(world, [(good, DAY), (bad, NEXT_DAY)], [DAY, NEXT_DAY])
    assert list(held) == [NEXT_DAY]
    assert f"column {name} is missing" in held[NEXT_DAY]
    assert load(world, [(good, DAY)], [DAY]) == {}
    assert list(load(world, [(bad, NEXT_DAY)], [NEXT_DAY])) == [NEXT_DAY], "another load without a change does not let it go"
    bad.write_text(crm())
    assert load(world, [(bad, NEXT_DAY)], [NEXT_DAY]) == {}


def test_a_second_file_of_the_day_that_is_whole_does_not_hide_the_first(world: World) -> None:
    bad = world.deliver("crm_contacts", DAY, "bad.csv", without("email"))
    good = world.deliver("crm_contacts", DAY, "good.csv", crm())
    for order in ([(bad, DAY), (good, DAY)], [(good, DAY), (bad, DAY)]):
        assert list(load(world, order, [DAY])) == [DAY]


def test_a_header_in_other_case_is_no_drift(world: World) -> None:
    loud = world.deliver("crm_contacts", DAY, "loud.csv", crm(CRM_HEADER.upper().replace("FIRST_NAME", " First_Name ")))
    assert load(world, [(loud, DAY)], [DAY]) == {}
    assert world.open(str(CRM)) == []
    assert [one for one in world.tick().told if one.open_rows] == []


def test_a_name_that_differs_in_more_than_its_case_is_one(world: World) -> None:
    other = world.deliver("crm_contacts", DAY, "other.csv", crm(CRM_HEADER.upper().replace("EMAIL", "E-MAIL")))
    assert "email" in load(world, [(other, DAY)], [DAY])[DAY]
