"""The injected defects against what the lakehouse did with them: caught, missed, and what was set aside without cause.

The defect ledger is the sandbox's; the lakehouse itself never reads it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

# The defect ledger names columns as the source does.
SILVER_COLUMNS = {"phone": "phone_e164", "zip": "postal_code", "state": "region", "address_line": "street", "country": "country_code"}
KEYS = {
    "silver.orders": ("order_id",), "silver.order_lines": ("order_id", "line_no"), "silver.payments": ("payment_id",), "silver.customers": ("customer_id",),
    "silver.crm_contacts": ("contact_id",), "silver.products": ("sku",), "silver.markets": ("market_id",), "silver.stores": ("store_id",),
    "silver.market_panel": ("week_start", "market_id", "sku"), "silver.nutrition": ("sku",),
}  # fmt: skip
WARN_RULES_OUTSIDE = frozenset({"duplicate_line", "duplicate_key"})


@dataclass
class Kind:
    """One kind of defect: how many there were and how many met their expected outcome."""

    feed: str
    kind: str
    outcome: str
    expected: int = 0
    caught: int = 0
    missed_keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """All kinds, and the rows that were quarantined without a defect."""

    kinds: tuple[Kind, ...]
    falsely_quarantined: int
    quarantined: int

    @property
    def expected(self) -> int:
        """Injected and natural defects."""
        return sum(kind.expected for kind in self.kinds)

    @property
    def caught(self) -> int:
        """Defects that met their expected outcome."""
        return sum(kind.caught for kind in self.kinds)

    @property
    def missed(self) -> int:
        """Defects that did not."""
        return self.expected - self.caught


class Lake:
    """What the lakehouse did, by key: read once, a few thousand rows of interest."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, deadletter: Path) -> None:
        """Read the quarantine; silver is read by table when it is asked for."""
        self._sql, self._deadletter = connection, deadletter
        self.quarantined: dict[tuple[str, str, str], set[str]] = {}
        for table in self._names("quarantine"):
            rejected = connection.table(f"quarantine.{table}").filter("state in ('open', 'discarded')")
            rows = rejected.project("table_name, source, source_position, [e.rule_id for e in errors]").fetchall()
            self.quarantined |= {(name, source, position): set(rules) for name, source, position, rules in rows}
        self._silver: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self._sources: dict[str, set[str]] = {}

    def silver(self, table: str) -> Mapping[tuple[str, ...], dict[str, Any]]:
        """A silver table by its key, as texts."""
        if table not in self._silver:
            cursor = self._sql.execute(f"select * from {table}")  # noqa: S608  a key of KEYS
            names = [column[0] for column in cursor.description]
            keyed: dict[tuple[str, ...], dict[str, Any]] = {}
            while batch := cursor.fetchmany(10_000):
                for values in batch:
                    row = dict(zip(names, values, strict=True))
                    keyed[tuple(str(row[name]) for name in KEYS[table])] = row
            self._silver[table] = keyed
        return self._silver[table]

    def bronze_sources(self, feed: str) -> set[str]:
        """Files that are in bronze."""
        if feed not in self._sources:
            self._sources[feed] = {row[0] for row in self._sql.execute(f"select distinct _source from bronze.{feed}").fetchall()}  # noqa: S608
        return self._sources[feed]

    def is_dead(self, file: str) -> bool:
        """Whether the dead-letter folder has the file."""
        return (self._deadletter / file).exists()

    def _names(self, schema: str) -> list[str]:
        return [row[0] for row in self._sql.execute("select view_name from duckdb_views() where schema_name = ?", [schema]).fetchall()]


def score(connection: duckdb.DuckDBPyConnection, ledger: Path, deadletter: Path, last: date | None = None) -> Score:
    """Hold every line of the defect ledger against the lake.

    Defects of days after ``last`` are not counted: the sandbox may be a day ahead of what is loaded, and nobody could have caught them.
    """
    lake = Lake(connection, deadletter)
    kinds: dict[tuple[str, str, str], Kind] = {}
    expected_rows: set[tuple[str, str, str]] = set()
    for defect in _lines(ledger):
        place = _place(defect)
        if defect["outcome"] == "quarantined":
            expected_rows.add(place)
        if last and defect["day"] and defect["day"] > str(last):
            continue
        kind = kinds.setdefault((defect["feed"], defect["kind"], defect["outcome"]), Kind(defect["feed"], defect["kind"], defect["outcome"]))
        kind.expected += 1
        if OUTCOMES[defect["outcome"]](lake, defect, place):
            kind.caught += 1
        else:
            kind.missed_keys.append(json.dumps(defect["key"]))
    false = len(set(lake.quarantined) - expected_rows)
    return Score(tuple(kinds.values()), false, len(lake.quarantined))


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _place(defect: Mapping[str, Any]) -> tuple[str, str, str]:
    """Table, source and position of the defective row, as quarantine names them."""
    key = defect["key"]
    if "file" in key:
        return (defect["table"], key["file"], str(key.get("position", 1)))
    return (defect["table"], f"shop.{defect['feed']}", "/".join(str(value) for value in key.values()))


def _row(lake: Lake, defect: Mapping[str, Any]) -> dict[str, Any] | None:
    names = KEYS[defect["table"]]
    return lake.silver(defect["table"]).get(tuple(str(defect["key"][name]) for name in names))


def _quarantined(lake: Lake, defect: Mapping[str, Any], place: tuple[str, str, str]) -> bool:
    return defect["rule"] in lake.quarantined.get(place, set())


def _warned(lake: Lake, defect: Mapping[str, Any], _: tuple[str, str, str]) -> bool:
    row = _row(lake, defect)
    return row is not None and defect["rule"] in row["_warnings"]


def _deduplicated(lake: Lake, defect: Mapping[str, Any], place: tuple[str, str, str]) -> bool:
    row = _row(lake, defect)
    is_published = row is not None and (row["_source"], row["_source_position"]) == place[1:]
    return not is_published and place not in lake.quarantined


def _as_expected(lake: Lake, defect: Mapping[str, Any], place: tuple[str, str, str]) -> bool:
    """The value is the expected one; text is compared without case, for the house's spelling is its own."""
    if "file" in defect["key"] and "position" not in defect["key"]:
        return not lake.is_dead(defect["key"]["file"])
    row = _row(lake, defect)
    if row is None:
        return False
    if defect.get("expected") is None or row["_source_position"] != place[2]:
        return True  # nothing to compare, or a later delivery of the same key stands there now
    value = row[SILVER_COLUMNS.get(defect["column"], defect["column"])]
    return str(value).casefold() == str(defect["expected"]).casefold()


def _absent(lake: Lake, defect: Mapping[str, Any], _: tuple[str, str, str]) -> bool:
    return defect["key"]["file"] not in lake.bronze_sources(defect["feed"])


def _dead(lake: Lake, defect: Mapping[str, Any], place: tuple[str, str, str]) -> bool:
    return lake.is_dead(defect["key"]["file"]) and _absent(lake, defect, place)


def _superseded(lake: Lake, defect: Mapping[str, Any], _: tuple[str, str, str]) -> bool:
    table = "silver.nutrition" if defect["feed"] == "product_nutrition" else f"silver.{defect['feed']}"
    return all(row["_source"] != defect["key"]["file"] for row in lake.silver(table).values())


OUTCOMES: Mapping[str, Callable[[Lake, Mapping[str, Any], tuple[str, str, str]], bool]] = {
    "quarantined": _quarantined, "warned": _warned, "nulled": _warned, "deduplicated": _deduplicated, "normalised": _as_expected, "published": _as_expected,
    "waiting": _absent, "duplicate_file": _absent, "dead_letter": _dead, "superseded": _superseded,
}  # fmt: skip


def by_outcome(found: Score) -> dict[str, tuple[int, int]]:
    """Caught and expected by outcome."""
    caught, expected = Counter[str](), Counter[str]()
    for kind in found.kinds:
        caught[kind.outcome] += kind.caught
        expected[kind.outcome] += kind.expected
    return {outcome: (caught[outcome], expected[outcome]) for outcome in expected}
