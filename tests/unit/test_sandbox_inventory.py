"""The warehouse: its stock is a function of the day, its pages add up, and its mischief passes."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.inventory_query import BadQuestionError, NoSnapshotError, answer, parse
from sandbox.mischief import EVERYDAY, Mischief, parse_kinds
from sandbox.stock import Stock, load_stock, write_articles

DAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    path = tmp_path_factory.mktemp("stock") / "inventory.json"
    write_articles(path, [(f"BEV-{number:06d}", number, 30, number / 7) for number in range(1, 60)])
    return load_stock(path, seed=5)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_the_pages_hold_every_item_once(stock: Stock, size: int) -> None:
    question, seen = parse(f"page_size={size}", DAY), []
    while True:
        page = answer(stock, question)
        seen += page["items"]
        if page["next_page_token"] is None:
            break
        question = parse(f"page_size={size}&page_token={page['next_page_token']}", DAY)
    keys = {(item["warehouse_id"], item["sku"], item["lot_id"]) for item in seen}
    assert len(seen) == len(keys) == page["total"] > 177


def test_a_day_is_the_same_whenever_it_is_asked_for(stock: Stock) -> None:
    before = json.dumps(stock.at_end_of(DAY - timedelta(days=100)))
    for back in range(20):
        stock.at_end_of(DAY - timedelta(days=back))
    assert json.dumps(stock.at_end_of(DAY - timedelta(days=100))) == before


def test_the_sequence_rises_with_every_change_and_only_then(stock: Stock) -> None:
    before: dict[tuple[str, str], tuple[int, str]] = {}
    for back in range(40, -1, -1):
        for item in stock.at_end_of(DAY - timedelta(days=back)):
            assert 0 <= item["reserved"] <= item["on_hand"]
            key = (item["warehouse_id"], item["sku"])
            known = before.get(key, (0, ""))
            assert item["sequence"] >= known[0]
            assert item["updated_at"] == known[1] if item["sequence"] == known[0] else item["updated_at"] > known[1]
            before[key] = (item["sequence"], item["updated_at"])


def test_some_articles_are_sold_out_and_most_are_not(stock: Stock) -> None:
    items = stock.at_end_of(DAY)
    share = sum(item["on_hand"] <= item["reserved"] for item in items) / len(items)
    assert 0.005 < share < 0.3


def test_only_what_changed_since_is_given(stock: Stock) -> None:
    some = answer(stock, parse("updated_since=2026-11-21T00:00:00Z&page_size=1000", DAY))
    assert 0 < some["total"] < len(stock.at_end_of(DAY))
    assert all(item["updated_at"] >= "2026-11-21" for item in some["items"])
    none = answer(stock, parse("updated_since=2026-11-22T00:00:00Z", DAY))
    assert (none["total"], none["items"], none["next_page_token"]) == (0, [], None)


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=1001",
        "page_size=ten",
        "as_of=yesterday",
        "as_of=2026-02-30",
        "updated_since=now",
        "page_token=!",
        "page_token=e30",
        "colour=red",
    ],
)
def test_a_bad_parameter_is_refused(query: str) -> None:
    with pytest.raises(BadQuestionError):
        parse(query, DAY)


def test_400_days_are_kept_and_no_day_is_told_before_it_ends() -> None:
    assert parse(f"as_of={DAY - timedelta(days=399)}", DAY).day == DAY - timedelta(days=399)
    for day in (DAY - timedelta(days=400), DAY + timedelta(days=1)):
        with pytest.raises(NoSnapshotError):
            parse(f"as_of={day}", DAY)


def test_a_token_belongs_to_its_question(stock: Stock) -> None:
    token = parse(f"as_of={DAY}", DAY).at(200).token()
    assert parse(f"as_of={DAY}&page_token={token}", DAY).offset == 200
    with pytest.raises(BadQuestionError):
        parse(f"as_of={DAY - timedelta(days=1)}&page_token={token}", DAY)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)))  # noqa: DTZ001
def test_any_iso_moment_is_understood(moment: datetime) -> None:
    assert parse(f"updated_since={moment.isoformat().replace('+', '%2B')}", DAY).since == moment


def test_the_try_after_a_mishap_succeeds(tmp_path: Path) -> None:
    mischief = Mischief(seed=3, rate=0.5, ledger=tmp_path / "api.jsonl")
    drawn = [mischief.draw(f"page{number % 5}", is_first=number % 5 == 0) for number in range(500)]
    assert set(drawn) == {None, *EVERYDAY}
    for first, second in zip(drawn, drawn[5:], strict=False):
        assert first is None or second is None
    lines = [json.loads(line) for line in (tmp_path / "api.jsonl").read_text().splitlines()]
    assert len(lines) == sum(kind is not None for kind in drawn)
    assert {line["outcome"] for line in lines} == {"retried"}


def test_kinds_are_a_closed_list() -> None:
    assert parse_kinds("500,drip") == ("500", "drip")
    with pytest.raises(ValueError, match="valid: 500"):
        parse_kinds("500,teapot")
