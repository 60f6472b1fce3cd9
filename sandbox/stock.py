"""The warehouses' stock at the end of any day: a pure function of the seed and the day, so nothing has to be stored."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from .dice import dice

WAREHOUSES = ("WH-COLUMBUS", "WH-DALLAS", "WH-LEEDS")
KEPT_DAYS = 400
LONGEST_SILENCE_DAYS = 6
FIRST_SEQUENCE_DAY = date(2020, 1, 1)
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Article:
    """A product in a warehouse: what sells a day, and how often its lots are made."""

    warehouse_id: str
    sku: str
    sku_number: int
    lot_days: int
    daily_units: float
    has_two_lots: bool
    cycle_days: int
    phase: int
    generosity: float


@dataclass
class Stock:
    """All stock, by day; the last few days asked for are kept."""

    seed: int
    articles: tuple[Article, ...]
    kept: OrderedDict[date, list[dict[str, Any]]] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def at_end_of(self, day: date) -> list[dict[str, Any]]:
        """The items, ordered by warehouse, sku and lot."""
        with self.lock:
            if day not in self.kept:
                self.kept[day] = [item for article in self.articles for item in self._items(article, day)]
                if len(self.kept) > 8:
                    self.kept.popitem(last=False)
            self.kept.move_to_end(day)
            return self.kept[day]

    def _items(self, article: Article, day: date) -> list[dict[str, Any]]:
        moved = self._last_moved(article, day)
        number = (moved - EPOCH).days
        luck = dice(self.seed, "stock", article.warehouse_id, article.sku, number)
        into_cycle = (number + article.phase) % article.cycle_days
        full = article.daily_units * article.cycle_days * article.generosity
        on_hand = max(0, round(full - article.daily_units * into_cycle + luck.uniform(-1, 1) * article.daily_units))
        moment = datetime.combine(moved, time(), UTC) + timedelta(seconds=luck.randrange(3600, 86_000))
        block = (number - 21) // article.lot_days
        parts = [(block, on_hand)] if not article.has_two_lots else [(block - 1, on_hand // 3), (block, on_hand - on_hand // 3)]
        return [
            {
                "warehouse_id": article.warehouse_id,
                "sku": article.sku,
                "lot_id": f"L{article.sku_number:06d}-{lot}",
                "on_hand": units,
                "reserved": min(units, int(luck.random() * 0.25 * article.daily_units * 3)),
                "reorder_point": round(article.daily_units * 4) + 1,
                "sequence": (moved - FIRST_SEQUENCE_DAY).days,
                "updated_at": moment.isoformat().replace("+00:00", "Z"),
            }
            for lot, units in parts
        ]

    def _last_moved(self, article: Article, day: date) -> date:
        for back in range(LONGEST_SILENCE_DAYS):
            candidate = day - timedelta(days=back)
            if (candidate.toordinal() + article.phase) % 2 == 0 or (candidate.toordinal() * 7 + article.phase) % 5 == 0:
                return candidate
        return day - timedelta(days=LONGEST_SILENCE_DAYS)


def write_articles(path: Path, sellers: list[tuple[str, int, int, float]]) -> None:
    """Write the API's only input: ``(sku, sku_number, lot_days, daily_units)`` of what is stocked."""
    path.write_text(json.dumps([list(seller) for seller in sellers]), encoding="utf-8")


def load_stock(path: Path, seed: int) -> Stock:
    """The stock of a sandbox."""
    sellers = json.loads(path.read_text(encoding="utf-8"))
    return Stock(seed, tuple(_article(seed, warehouse, *seller) for warehouse in WAREHOUSES for seller in sorted(sellers)))


def _article(seed: int, warehouse: str, sku: str, sku_number: int, lot_days: int, daily_units: float) -> Article:
    luck = dice(seed, "article", warehouse, sku)
    return Article(
        warehouse,
        sku,
        sku_number,
        lot_days,
        max(0.5, daily_units / len(WAREHOUSES)),
        luck.random() < 0.25,
        luck.choice((7, 10, 14, 21, 28)),
        luck.randrange(28),
        luck.choice((0.8, 1.0, 1.1, 1.2, 1.5)),
    )
