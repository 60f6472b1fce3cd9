-- What is wrong with the shop's rows and what ought to become of it, derived from the same choices that made them.
create table order_outcome(kind varchar, outcome varchar, rule varchar, "column" varchar, is_parent_lost boolean);
insert into order_outcome values
    ('future_ordered_at', 'quarantined', 'ordered_at_invalid', 'ordered_at', true), ('missing_ordered_at', 'quarantined', 'ordered_at_invalid', 'ordered_at', true),
    ('unknown_store', 'quarantined', 'unknown_store', 'store_id', true), ('currency_not_market', 'quarantined', 'currency_not_market', 'currency', true),
    ('currency_missing', 'warned', 'currency_missing', 'currency', false), ('status_unknown', 'warned', 'status_unknown', 'status', false),
    ('status_spelling', 'normalised', null, 'status', false);
create table line_outcome(kind varchar, outcome varchar, rule varchar, "column" varchar, is_quarantined boolean);
insert into line_outcome values
    ('unknown_sku', 'quarantined', 'unknown_sku', 'sku', true), ('manufactured_before_sold', 'quarantined', 'manufactured_before_sold', 'lot_id', true),
    ('negative_quantity', 'quarantined', 'negative_quantity', 'quantity', true), ('negative_price', 'quarantined', 'negative_price', 'unit_price', true),
    ('unknown_lot', 'warned', 'unknown_lot', 'lot_id', false), ('zero_price', 'warned', 'zero_price', 'unit_price', false);

create table line_day as
select l.*, case when o.is_parent_lost and l.kind in ('future_ordered_at', 'missing_ordered_at') then l.updated_at::date else l.day end as bronze_day,
       coalesce(o.is_parent_lost, false) as is_parent_lost
from line l left join order_outcome o using (kind);

create table shop_defect as
select 'orders' as feed, {'order_id': c.order_id}::json as key, c.kind, o.outcome, 'silver.orders' as "table", o.rule, o."column",
       case when c.kind in ('future_ordered_at', 'missing_ordered_at') then c.updated_at::date else c.day end as day,
       case when c.kind = 'status_spelling' then c.fate when c.kind = 'currency_missing' then c.currency end as expected, false as "natural"
from chosen c join order_outcome o using (kind)
union all
select 'order_lines', {'order_id': order_id, 'line_no': line_no}::json, kind, 'quarantined', 'silver.order_lines', 'parent_quarantined', 'order_id', bronze_day, null, true
from line_day where is_parent_lost
union all
select 'order_lines', {'order_id': l.order_id, 'line_no': l.line_no}::json, l.kind, o.outcome, 'silver.order_lines', o.rule, o."column", l.bronze_day, null, false
from line_day l join line_outcome o using (kind) where l.is_target and not l.is_extra
union all
select 'order_lines', {'order_id': order_id, 'line_no': line_no}::json, kind, case kind when 'orphan_line' then 'quarantined' else 'deduplicated' end,
       'silver.order_lines', case kind when 'orphan_line' then 'unknown_order' else 'duplicate_line' end, case kind when 'orphan_line' then 'order_id' end, bronze_day, null, false
from line_day where is_extra
union all
select 'order_lines', {'order_id': order_id, 'line_no': line_no}::json, 'zero_quantity', 'warned', 'silver.order_lines', 'zero_quantity', 'quantity', bronze_day, null, true
from line_day where quantity = 0
union all
select 'order_lines', {'order_id': order_id, 'line_no': line_no}::json, 'zero_price', 'warned', 'silver.order_lines', 'zero_price', 'unit_price', bronze_day, null, true
from line_day where unit_price = 0 and not (is_target and kind = 'zero_price')
union all
select 'payments', {'payment_id': p.payment_id}::json, p.kind, 'quarantined', 'silver.payments', 'parent_quarantined', 'order_id', p.paid_at::date, null, true
from payment p join order_outcome o using (kind) where o.is_parent_lost
union all
select 'payments', {'payment_id': payment_id}::json, kind, 'quarantined', 'silver.payments', 'unknown_order', 'order_id', paid_at::date, null, false
from payment where order_id > 9000000000
union all
select 'payments', {'payment_id': payment_id}::json, kind, 'warned', 'silver.payments', 'second_capture', 'status', paid_at::date, null, false
from payment where is_second
union all
select 'payments', {'payment_id': payment_id}::json, kind, 'warned', 'silver.payments', 'amount_mismatch', 'amount', paid_at::date, null, false
from payment where kind = 'amount_mismatch' and status = 'captured'
union all
select 'payments', {'payment_id': p.payment_id}::json, 'consequence', 'warned', 'silver.payments', 'amount_mismatch', 'amount', p.paid_at::date, null, true
from payment p join line_outcome o using (kind) join order_total t using (order_id)
where o.is_quarantined and p.status = 'captured' and abs(p.amount - t.published) > 0.01
union all
select 'payments', {'payment_id': payment_id}::json, 'payment_status_spelling', 'normalised', 'silver.payments', null, 'status', paid_at::date, status, false
from payment p where is_misspelt and order_id < 9000000000 and not exists (select 1 from order_outcome o where o.kind = p.kind and o.is_parent_lost);

create table catalog_defect as
select 'stores' as feed, {'store_id': store_id}::json as key, 'unknown_market' as kind, 'quarantined' as outcome, 'silver.stores' as "table", 'unknown_market' as rule,
       'market_id' as "column", null::date as day, null as expected, false as "natural"
from shop_stores where market_id = 'XX-00'
union all
select 'markets', {'market_id': market_id}::json, 'country_code_case', 'normalised', 'silver.markets', null, 'country_code', null, upper(country_code), false
from market where country_code <> upper(country_code)
union all
select 'products', {'sku': sku}::json, 'brand_spelling', 'normalised', 'silver.products', null, 'brand', null, brand_name, false from product where brand_dirt is not null
union all
select 'products', {'sku': sku}::json, case category_dirt when 'missing' then 'category_missing' else 'category_spelling' end,
       case category_dirt when 'missing' then 'published' else 'normalised' end, 'silver.products', null, 'category', null,
       case when category_dirt <> 'missing' then product_category end, false
from product where category_dirt is not null;
