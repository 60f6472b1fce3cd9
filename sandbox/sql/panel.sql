-- The syndicated panel's weeks: sales of all brands by market and sku, with display and mailer codes of the promotions.
-- Variables: shift_days, seed; panel_week(week_start, source_start, week) lists the weeks to make.
create or replace table promoted as
select p.week, s.market_id, p.product_id, max(p.display_location) as display, max(p.mailer_location) as feature
from read_parquet(getvariable('promotions')) p join store s using (store_id) join panel_week w using (week)
where p.product_id in (select product_id from source_product)
group by all;

create or replace table own_sale as
select w.week, s.market_id, t.product_id, sum(t.quantity) as units, sum(t.sales_value) as value
from source_line t join panel_week w on t.sold_on >= w.source_start and t.sold_on < w.source_start + 7 join store s using (store_id)
group by all having sum(t.quantity) > 0;

create or replace table panel as
with candidate as (
    select week, market_id, product_id, o.units, o.value, p.display, p.feature
    from own_sale o full join promoted p using (week, market_id, product_id)
), ranked as (
    select *, row_number() over (partition by week order by units is null, u('panel', week || market_id || product_id)) as place from candidate
), priced as (
    select w.week_start, r.market_id, p.sku, (coalesce(r.units, 0) * (4 + pick(9, 'lift', p.sku)) + 1 + pick(40, 'noise', w.week || r.market_id || p.sku))::int as units,
           coalesce(round((r.value / r.units)::decimal(18, 6), 2), p.list_price) as price, r.display, r.feature
    from ranked r join panel_week w using (week) join product p using (product_id) where place <= 2250
    union all
    select w.week_start, m.market_id, 'EXT-' || lpad(e.n::varchar, 5, '0'), 5 + pick(400, 'external', w.week || m.market_id || e.n), (150 + pick(900, 'price', e.n)) / 100, null, '0'
    from panel_week w cross join market m cross join range(1, 31) e(n)
), valued as (
    select *, round((units * price)::decimal(18, 6), 2)::decimal(18, 2) as value, row_number() over (partition by week_start order by market_id, sku) as position from priced
)
select week_start, market_id, sku, units::varchar as units, value::varchar as sales_value, round(value / units, 4)::decimal(18, 4)::varchar as avg_price,
       display, feature, position,
       case when u('bad_number', week_start || market_id || sku) < 0.002 then ['units', 'sales_value', 'avg_price'][1 + pick(3, 'bad_column', week_start || market_id || sku)] end as bad,
       ['n/a', '#REF!', '12,5x', '--'][1 + pick(4, 'bad_text', week_start || market_id || sku)] as bad_text
from valued order by week_start, position;
