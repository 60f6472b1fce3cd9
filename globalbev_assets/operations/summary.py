"""The summary of a range: what became of every source row, the injected defects, the best sellers, and where the time went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from globalbev_assets.contracts.names import TableName
from globalbev_assets.operations.defects import Score, by_outcome, score
from globalbev_assets.operations.lake_connection import connect
from partitions.days import DayRange
from resources.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

COUNTS = ("rows_in", "published", "quarantined", "deduplicated", "superseded", "unaccounted")
_LEDGER = """
    select table_name, sum(rows_in), sum(published), sum(quarantined), sum(deduplicated), sum(superseded), sum(abs(unaccounted)),
           count(*) filter (state in ('published', 'unchanged', 'no_source_data')), count(*) filter (state = 'published'), count(*)
    from (select *, row_number() over (partition by table_name, business_day order by recorded_at desc) as place from ops.ledger
          where business_day between ? and ?) where place = 1 group by table_name
"""
_BEST = """
    select f.sku, p.product_name, f.market_id, sum(f.units_sold), sum(f.net_sales), max(f.net_sales_28d), avg(f.value_share)
    from gold.fact_sku_market_performance f left join silver.products p using (sku)
    where f.sale_date between ? and ? group by all order by 5 desc limit 10
"""


@dataclass(frozen=True)
class TableLine:
    """One table: source rows by outcome, days there and days that were committed anew."""

    table: str
    rows_in: int
    published: int
    quarantined: int
    deduplicated: int
    superseded: int
    unaccounted: int
    days_readable: int
    days_committed: int
    days: int


@dataclass(frozen=True)
class Summary:
    """All of it."""

    days: DayRange
    tables: tuple[TableLine, ...]
    best: tuple[tuple[Any, ...], ...]
    defects: Score | None

    @property
    def unaccounted(self) -> int:
        """Source rows of which the ledger does not say where they went, of all tables; one too many is one too."""
        return sum(line.unaccounted for line in self.tables)

    @property
    def findings(self) -> tuple[str, ...]:
        """What is not as it should be, in words; nothing where every row is accounted for and every defect met its outcome."""
        counts = [(self.unaccounted, "source row", "unaccounted for")]
        if self.defects:
            counts += [(self.defects.missed, "defect", "missed"), (self.defects.falsely_quarantined, "row", "quarantined without cause")]
        return tuple(f"{count:,} {what}{'s' * (count != 1)} {how}" for count, what, how in counts if count)

    @property
    def is_unchanged(self) -> bool:
        """Whether the newest run of every day found nothing new."""
        return not any(line.days_committed for line in self.tables)


def summarise(settings: Settings, days: DayRange, defect_ledger: Path | None = None) -> Summary:
    """Read the summary from the lake; without a JVM."""
    from resources.lakehouse_resource import book_of  # noqa: PLC0415

    book = book_of(settings)
    silver = [TableName("quarantine", name.table) for name in book if name.layer == "silver"]
    connection = connect(settings.lake_root, [*book, *silver, TableName("ops", "ledger")])
    order = {str(name): place for place, name in enumerate(book)}
    rows = [TableLine(*row) for row in connection.execute(_LEDGER, [days.first, days.last]).fetchall()]
    tables = tuple(sorted(rows, key=lambda line: order.get(line.table, len(order))))
    found = score(connection, defect_ledger, settings.home / "deadletter", days.last) if defect_ledger and defect_ledger.exists() else None
    return Summary(days, tables, _best(connection, days), found)


def _best(connection: duckdb.DuckDBPyConnection, days: DayRange) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in connection.execute(_BEST, [days.first, days.last]).fetchall())


def show(summary: Summary, seconds: dict[str, float], console: Console) -> None:
    """Print the summary as tables."""
    console.print()
    console.print(_rows(summary))
    if summary.defects:
        console.print(_defects(summary.defects))
    console.print(_best_sellers(summary))
    console.print(_phases(seconds))
    if summary.is_unchanged:
        console.print("Nothing changed: every day has the content that it had before, so no table was committed.", highlight=False)
    if summary.findings:
        console.print(f"[red]Not as it should be: {', '.join(summary.findings)}.[/red]", highlight=False)


def _table(title: str, *columns: tuple[str, bool]) -> Any:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, title_style="bold", pad_edge=False)
    for name, is_number in columns:
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number)
    return table


def _rows(summary: Summary) -> Any:
    title = f"What became of every source row, {summary.days} ({len(summary.days)} days)"
    table = _table(title, ("table", False), *[(name.replace("_", " "), True) for name in COUNTS], ("days", True))
    for line in summary.tables:
        counts = [f"{getattr(line, name):,}" for name in COUNTS]
        table.add_row(
            line.table, *counts, f"{line.days_readable}/{line.days}", style="red" if line.unaccounted or line.days_readable < line.days else None
        )
    return table


def _defects(found: Score) -> Any:
    recall = found.caught / max(found.expected, 1)
    false = f"{found.falsely_quarantined} of {found.quarantined:,} quarantined rows without cause"
    title = f"Defects of the sources: {found.caught:,} of {found.expected:,} met their outcome (recall {recall:.4f}); {false}"
    table = _table(title, ("outcome", False), ("kinds", False), ("caught", True), ("missed", True))
    for outcome, (caught, expected) in sorted(by_outcome(found).items()):
        kinds = sorted({kind.kind for kind in found.kinds if kind.outcome == outcome})
        shown = ", ".join(kinds[:6]) + (f" and {len(kinds) - 6} more" if len(kinds) > 6 else "")
        table.add_row(outcome, shown, f"{caught:,}", f"{expected - caught:,}", style="red" if caught < expected else None)
    return table


def _best_sellers(summary: Summary) -> Any:
    table = _table(
        "Top of gold.fact_sku_market_performance",
        ("sku", False),
        ("product", False),
        ("market", False),
        ("units", True),
        ("net sales", True),
        ("best 28 days", True),
        ("value share", True),
    )
    for sku, product, market, units, net_sales, best, share in summary.best:
        table.add_row(sku, product or "", market, f"{units:,.0f}", f"{net_sales:,.2f}", f"{best:,.2f}", f"{share:.1%}" if share is not None else "")
    return table


def _phases(seconds: dict[str, float]) -> Any:
    table = _table("Time by phase", ("phase", False), ("seconds", True))
    for name, taken in seconds.items():
        table.add_row(name, f"{taken:.1f}")
    table.add_row("all", f"{sum(seconds.values()):.1f}", style="bold")
    return table


def as_dict(summary: Summary, seconds: dict[str, float]) -> dict[str, Any]:
    """The summary for ``--json``."""
    defects = None
    if summary.defects:
        defects = {
            "expected": summary.defects.expected, "caught": summary.defects.caught, "missed": summary.defects.missed,
            "falsely_quarantined": summary.defects.falsely_quarantined, "quarantined": summary.defects.quarantined,
            "kinds": [asdict(kind) for kind in summary.defects.kinds],
        }  # fmt: skip
    return {
        "days": [str(summary.days.first), str(summary.days.last)], "tables": [asdict(line) for line in summary.tables], "unchanged": summary.is_unchanged,
        "unaccounted": summary.unaccounted, "findings": list(summary.findings),
        "best": [list(map(str, row)) for row in summary.best], "defects": defects, "seconds": {name: round(taken, 2) for name, taken in seconds.items()},
    }  # fmt: skip
