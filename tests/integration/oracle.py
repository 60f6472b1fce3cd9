"""Gold's figures once more, by DuckDB from the sources alone: PostgreSQL by COPY, the landing zone's files, the inventory by its generator.

Nothing of the lakehouse is used here. Which rows do not count is the verdict of the sandbox's own judge (SQL in PostgreSQL, ``sandbox/sql/judge.sql``) and,
for files, the defect ledger. Only what was loaded counts: orders and payments whose business day lies in the range, files delivered in it.
So a sum over 28 days at the range's start is the sum of the days there are, which is what the lakehouse has in silver.
"""

from __future__ import annotations

import csv
import io
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import psycopg

from partitions.days import now
from sandbox.judge import verdicts
from sandbox.layout import Layout
from sandbox.ledger import read
from sandbox.state import load_state
from sandbox.stock import load_stock
from tests.integration.lakes import Lake

TABLES = {
    "markets": "market_id text, currency text",
    "stores": "store_id bigint, market_id text, channel text",
    "products": "sku text, category text, package_size text",
    "orders": "order_id bigint, customer_id bigint, store_id bigint, ordered_at timestamptz, status text, channel text, "
    "currency text, updated_at timestamptz",
    "order_lines": "order_id bigint, line_no int, sku text, quantity decimal(12,3), unit_price decimal(12,4), "
    "discount_amount decimal(12,2), updated_at timestamptz",
    "payments": "payment_id bigint, order_id bigint, method text, amount decimal(14,2), currency text, status text, "
    "paid_at timestamptz, updated_at timestamptz",
}
LOST = (
    "ordered_at_invalid",
    "unknown_store",
    "currency_not_market",
    "unknown_order",
    "parent_quarantined",
    "unknown_sku",
    "manufactured_before_sold",
    "negative_quantity",
    "negative_price",
    "duplicate_line",
)
MILLILITRES = {
    "ML": 1,
    "L": 1000,
    "LT": 1000,
    "LTR": 1000,
    "OZ": "29.5735",
    "Z": "29.5735",
    "FL OZ": "29.5735",
    "PT": "473.1765",
    "QT": "946.3529",
    "GA": "3785.4118",
    "GAL": "3785.4118",
}

VIEWS = """
create table verdict as select feed, cast(key ->> 'order_id' as bigint) as order_id, cast(key ->> 'line_no' as int) as line_no,
    cast(key ->> 'payment_id' as bigint) as payment_id, cast(key ->> 'store_id' as bigint) as store_id, rule from judged where rule in (select unnest($lost));

create table o as
select o.*, s.market_id, cast(o.ordered_at at time zone 'UTC' as date) as sale_date, coalesce(lower(trim(o.channel)), s.channel) as way,
    coalesce(o.currency, m.currency) as money,
    case lower(trim(o.status)) when 'canceled' then 'cancelled' when 'shiped' then 'shipped' when 'deliverd' then 'delivered' else
        lower(trim(o.status)) end as state
from shop.orders o join shop.stores s using (store_id) join shop.markets m using (market_id)
where o.order_id not in (select order_id from verdict where feed = 'orders')
  and cast(o.ordered_at at time zone 'UTC' as date) between $first and $last;

create table l as
select l.*, o.sale_date, round(l.quantity * l.unit_price, 4) as gross, round(l.quantity * l.unit_price, 4) - sign(l.quantity) *
    coalesce(l.discount_amount, 0) as net
from shop.order_lines l join o using (order_id)
where not exists (select 1 from verdict v where v.feed = 'order_lines' and v.order_id = l.order_id and v.line_no = l.line_no);

create table product as
select p.sku, v.total_ml, array_to_string(list_transform(string_split(lower(trim(regexp_replace(p.category, '\\s+', ' ', 'g'))), ' '), lambda w:
    upper(w[1]) || w[2:]), ' ') as category
from shop.products p left join volume v using (package_size);

create table sold as
select l.*, o.market_id, o.way, o.money, o.customer_id, p.category, p.total_ml
from l join o using (order_id) join product p using (sku)
where o.state in ('placed', 'paid', 'shipped', 'delivered', 'returned');

create table paid as
select p.*, cast(p.paid_at at time zone 'UTC' as date) as paid_date, lower(trim(p.status)) as state,
    coalesce(o.state in ('placed', 'paid', 'shipped', 'delivered', 'returned'), false) as is_ours
from shop.payments p join o using (order_id)
where cast(p.paid_at at time zone 'UTC' as date) between $first and $last;
"""

FACT_SKU = """
create table fact_sku as
with daily as (
    select sale_date, market_id, sku, category, total_ml, sum(quantity) as units, sum(gross) as gross, sum(gross - net) as discounts, sum(net) as net,
        count(distinct order_id) as orders, count(distinct customer_id) as customers, -sum(least(quantity, 0)) as returned
    from sold group by all
), shares as (
    select *, sum(net) over category as category_net, sum(units) over category as category_units,
        (select sum(b.net) from daily b where (b.market_id, b.sku) = (a.market_id, a.sku) and b.sale_date between a.sale_date - 6 and a.sale_date) as net_7d,
        (select sum(b.net) from daily b where (b.market_id, b.sku) = (a.market_id, a.sku) and b.sale_date between a.sale_date - 27 and a.sale_date) as net_28d
    from daily a window category as (partition by sale_date, market_id, category)
), week as (
    select p.*, p.units / nullif(sum(p.units) over (partition by week_start, market_id, category), 0) as share from panel p left join product using (sku)
)
select d.sale_date, d.market_id, d.sku, d.category, d.units as units_sold, d.gross as gross_sales, d.discounts, d.net as net_sales, d.orders as order_count,
    d.customers as customer_count, d.returned as return_units, d.net / nullif(d.units, 0) as average_unit_price, d.units * d.total_ml / 1000 as volume_litres,
    d.category_net as category_net_sales, d.net / nullif(d.category_net, 0) as value_share,
    100 * (d.net / nullif(d.units, 0)) / nullif(d.category_net / nullif(d.category_units, 0), 0) as price_index, d.net_7d as net_sales_7d,
        d.net_28d as net_sales_28d,
    coalesce(w.is_on_display, false) as is_on_display, coalesce(w.is_featured, false) as is_featured, w.units as panel_units, w.share as panel_market_share
from shares d left join week w on d.sale_date between w.week_start and w.week_start + 6 and w.market_id = d.market_id and w.sku = d.sku
"""

FACT_DAILY = """
create table fact_daily as
select sale_date, market_id, way as channel, count(distinct order_id) as orders, count(distinct customer_id) as customers, sum(quantity) as
    units, sum(gross) as gross_sales,
    sum(gross - net) as discounts, sum(net) as net_sales, sum(net) / count(distinct order_id) as average_order_value
from sold group by all
"""

FINANCE = """
create table finance as
with received as (
    select *, sum(case state when 'captured' then amount when 'refunded' then -amount else 0 end) over (partition by order_id) as got,
        row_number() over (partition by order_id order by paid_at desc, payment_id desc) = 1 as is_last from paid
), totals as (select order_id, sum(net) as total from l group by 1)
select paid_date, currency, method, coalesce(sum(amount) filter (state = 'captured' and is_ours), 0) as captured,
    coalesce(sum(amount) filter (state = 'refunded' and is_ours), 0) as refunded, coalesce(sum(amount) filter (state = 'failed' and is_ours), 0) as failed,
    coalesce(sum(amount) filter (state = 'captured' and not is_ours), 0) as captured_elsewhere,
    coalesce(sum(amount) filter (state = 'refunded' and not is_ours), 0) as refunded_elsewhere,
    coalesce(sum(amount) filter (state = 'failed' and not is_ours), 0) as failed_elsewhere,
    coalesce(sum(got - coalesce(total, 0)) filter (is_last and is_ours), 0) as unreconciled_amount
from received left join totals using (order_id) group by all
"""

KPIS = """
create table kpis as
with first_sale as (select customer_id, min(sale_date) as since from sold where customer_id is not null group by 1),
counted as (
    select sale_date, money as currency, sum(net) as net_sales, count(distinct order_id) as orders,
        count(distinct customer_id) filter (where since = sale_date) as new_customers, count(distinct customer_id) filter (where since <
            sale_date) as returning_customers
    from sold left join first_sale using (customer_id) group by all
), best as (
    select sale_date, money as currency, sku as top_sku from (select sale_date, money, sku, sum(net) as net from sold group by all)
    qualify row_number() over (partition by sale_date, money order by net desc, sku) = 1
), out as (select day as sale_date, count(*) as stock_outs from stock where on_hand - reserved <= 0 group by 1),
arrived as (
    select cast(coalesce(case when ordered_at <= $now then ordered_at end, updated_at) at time zone 'UTC' as date) as day, count(*) as n from
        shop.orders group by 1
    union all select cast(coalesce(case when o.ordered_at <= $now then o.ordered_at end, o.updated_at, l.updated_at) at time zone 'UTC' as date), count(*)
        from shop.order_lines l left join shop.orders o using (order_id) group by 1
    union all select cast(coalesce(case when paid_at <= $now then paid_at end, updated_at) at time zone 'UTC' as date), count(*) from shop.payments group by 1
), kept as (select sale_date as day, count(*) as n from o group by 1 union all select sale_date, count(*) from l group by 1 union all select
    paid_date, count(*) from paid group by 1),
quality as (select a.day as sale_date, 100 * k.n / a.n as quality_score
    from (select day, sum(n) as n from arrived group by 1) a join (select day, sum(n) as n from kept group by 1) k using (day))
select * from counted join best using (sale_date, currency) left join out using (sale_date) left join quality using (sale_date)
"""

STOCK = """
create table position as
with level as (select * from stock where day = $last), rate as (select sku, sum(quantity) as units from sold where sale_date between cast($last
    as date) - 27 and $last group by 1),
split as (select level.*, units, greatest(on_hand, 0) as positive, sum(greatest(on_hand, 0)) over (partition by sku) as total, count(*) over
    (partition by sku) as places
    from level left join rate using (sku)),
perday as (select *, round(coalesce(units, 0) * case when total > 0 then positive / total else 1 / places end / 28, 6) as units_per_day from split),
gone as (select warehouse_id, sku, min(day) filter (where on_hand - reserved <= 0) as since from stock s
    where day > coalesce((select max(day) from stock t where (t.warehouse_id, t.sku) = (s.warehouse_id, s.sku) and t.on_hand - t.reserved > 0),
        date '1900-01-01') group by 1, 2)
select warehouse_id, sku, on_hand, reserved, on_hand - reserved as available, reorder_point, on_hand - reserved <= 0 as is_stocked_out, units_per_day,
    case when units_per_day > 0 then greatest(on_hand - reserved, 0) / units_per_day end as days_of_cover, since as stocked_out_since
from perday left join gone using (warehouse_id, sku)
"""


def oracle(lake: Lake, folder: Path) -> duckdb.DuckDBPyConnection:
    """The figures as tables ``fact_sku, fact_daily, finance, kpis, position``, in a DuckDB that has gold as it is beside them."""
    duck = lake.duck()
    duck.execute("create schema shop")
    at = now()
    _copy_shop(duck, lake, folder)
    duck.execute("create table judged (feed text, key json, rule text, day date)")
    duck.executemany("insert into judged values (?, ?, ?, ?)", verdicts(lake.dsn, at))
    sizes = [size for (size,) in duck.execute("select distinct package_size from shop.products where package_size is not null").fetchall()]
    duck.execute("create table volume (package_size text, total_ml decimal(18,4))")
    duck.executemany("insert into volume values (?, ?)", [(size, millilitres(size)) for size in sizes])
    _read_panel(duck, lake)
    _read_stock(duck, lake)
    bounds = {"first": lake.days.first, "last": lake.days.last}
    for statement in VIEWS.split(";"):
        given = {name: value for name, value in (bounds | {"lost": list(LOST)}).items() if f"${name}" in statement}
        if statement.strip():
            duck.execute(statement, given)
    for statement in (FACT_SKU, FACT_DAILY, FINANCE):
        duck.execute(statement)
    duck.execute(KPIS, {"now": at})
    duck.execute(STOCK, {"last": lake.days.last})
    return duck


def millilitres(size: str) -> Decimal | None:
    """``12/12 OZ``, ``12 PK/12 OZ``, ``750 ML``: all of it in millilitres; None where the text does not say."""
    text = " ".join(size.upper().split())
    half = re.fullmatch(r"(\d)/(\d) (L|PT|QT|GAL?)", text)
    if half and half[1] < half[2] < "5":
        return (Decimal(half[1]) * Decimal(MILLILITRES[half[3]]) / Decimal(half[2])).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    found = re.fullmatch(r"(?:(\d+)(?: ?PK ?/? ?| ?/ ?))?(\d+(?:\.\d+)?|\.\d+) ?([A-Z ]+?)", text)
    if not found or found[3] not in MILLILITRES:
        return None
    return Decimal(found[1] or 1) * Decimal(found[2]) * Decimal(MILLILITRES[found[3]])


def _copy_shop(duck: duckdb.DuckDBPyConnection, lake: Lake, folder: Path) -> None:
    with psycopg.connect(lake.dsn, options="-c timezone=UTC") as connection:
        for table, columns in TABLES.items():
            names = ", ".join(column.split()[0] for column in columns.split(", "))
            file = folder / f"{table}.csv"
            with (
                file.open("wb") as stream,
                connection.cursor().copy(f"copy (select {names} from shop.{table}) to stdout (format csv, header, null '\\N')") as copy,
            ):
                stream.writelines(copy)
            duck.execute(f"create table shop.{table} ({columns})")
            duck.execute(f"copy shop.{table} from '{file}' (format csv, header, nullstr '\\N', allow_quoted_nulls false)")


def _read_panel(duck: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """The files that count: of each name the newest, none that is refused, doubled or unfinished; without the numbers that are none."""
    defects = list(read(Layout(lake.home).defects))
    refused = {defect.key["file"] for defect in defects if defect.table == "ops.landing_files" and defect.outcome != "published"}
    bad = {(defect.key["file"], defect.key["position"]) for defect in defects if defect.table == "silver.market_panel"}
    duck.execute("create table panel (week_start date, market_id text, sku text, units decimal(18,4), is_on_display boolean, is_featured boolean)")
    for path in sorted((lake.landing / "market_panel").glob("*/*.csv")):
        name = str(path.relative_to(lake.landing))
        if name in refused or not str(lake.days.first) <= path.parent.name <= str(lake.days.last):
            continue
        text = path.read_bytes().decode("utf-8-sig")
        rows = enumerate(csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","), start=1)
        good = [row for place, row in rows if (name, place) not in bad]
        if good:
            duck.executemany("insert into panel values (?, ?, ?, ?, ?, ?)", [_panel_row(row) for row in good])


def _panel_row(row: dict[str, str]) -> list[object]:
    return [
        row["week_start"],
        row["market_id"].strip().upper(),
        row["sku"],
        row["units"],
        row["display"].strip() not in ("", "0"),
        row["feature"].strip() not in ("", "0"),
    ]


def _read_stock(duck: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """What the warehouses hold at the end of each day, all lots of a product summed."""
    state = load_state(Layout(lake.home))
    assert state
    stock = load_stock(Layout(lake.home).inventory, state.seed)
    rows = [
        (day, item["warehouse_id"], item["sku"], item["on_hand"], item["reserved"], item["reorder_point"])
        for day in lake.days
        for item in stock.at_end_of(day)
    ]
    duck.execute("create table lots (day date, warehouse_id text, sku text, on_hand bigint, reserved bigint, reorder_point bigint)")
    import pyarrow as pa  # noqa: PLC0415

    columns = list(zip(*rows, strict=True))
    duck.register(
        "_lots", pa.table(dict(zip(("day", "warehouse_id", "sku", "on_hand", "reserved", "reorder_point"), map(list, columns), strict=True)))
    )
    duck.execute(
        "create table stock as select day, warehouse_id, sku, sum(on_hand)::bigint as on_hand, sum(reserved)::bigint as reserved, "
        "max(reorder_point) as reorder_point from _lots group by all"
    )
