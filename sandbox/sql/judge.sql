-- The rules of TABLES.md over the shop's rows, written without a look at the generator: the ledger must say the same. PostgreSQL; read_at is a setting.
create temporary table o as
select o.*, s.store_id is not null and m.market_id is not null as has_store, m.currency as market_currency,
       case lower(trim(o.status)) when 'canceled' then 'cancelled' when 'shiped' then 'shipped' when 'deliverd' then 'delivered' else lower(trim(o.status)) end as clean,
       (case when o.ordered_at <= (select read_at from judged) then o.ordered_at else o.updated_at end)::date as day
from shop.orders o left join shop.stores s using (store_id) left join shop.markets m using (market_id);
create temporary table order_rule as
select order_id, day, 'ordered_at_invalid' as rule, true as lost from o where ordered_at is null or ordered_at > (select read_at from judged)
union all select order_id, day, 'unknown_store', true from o where not has_store
union all select order_id, day, 'currency_not_market', true from o where has_store and currency <> market_currency
union all select order_id, day, 'currency_missing', false from o where currency is null
union all select order_id, day, 'status_unknown', false from o
  where clean is null or clean not in ('placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned');
create temporary table l as
select l.*, o.order_id is not null as has_order, p.sku is not null as has_sku, t.lot_id is not null as has_lot, t.manufactured_on, o.clean,
       exists (select 1 from order_rule r where r.order_id = l.order_id and r.lost) as is_lost, (o.ordered_at at time zone 'UTC')::date as ordered_on,
       coalesce(case when o.ordered_at <= (select read_at from judged) then o.ordered_at end, l.updated_at)::date as day,
       row_number() over (partition by l.order_id, l.sku, l.lot_id, l.quantity, l.unit_price, l.discount_amount order by l.line_no) as copy
from shop.order_lines l left join o using (order_id) left join shop.products p using (sku) left join shop.lots t using (lot_id);
create temporary table line_rule as
select order_id, line_no, day, 'unknown_order' as rule, true as lost from l where not has_order
union all select order_id, line_no, day, 'parent_quarantined', true from l where is_lost
union all select order_id, line_no, day, 'unknown_sku', true from l where not has_sku
union all select order_id, line_no, day, 'manufactured_before_sold', true from l where manufactured_on > ordered_on and not is_lost
union all select order_id, line_no, day, 'unknown_lot', false from l where lot_id is not null and not has_lot
union all select order_id, line_no, day, 'zero_quantity', false from l where quantity = 0
union all select order_id, line_no, day, 'negative_quantity', true from l where quantity < 0 and clean <> 'returned'
union all select order_id, line_no, day, 'negative_price', true from l where unit_price < 0
union all select order_id, line_no, day, 'zero_price', false from l where unit_price = 0
union all select order_id, line_no, day, 'duplicate_line', true from l where copy > 1;
create temporary table total as
select order_id, sum(quantity * unit_price - sign(quantity) * discount_amount) filter (
    where not exists (select 1 from line_rule r where r.order_id = l.order_id and r.line_no = l.line_no and r.lost)) as net from l group by order_id;
create temporary table captured as
select *, row_number() over (partition by order_id order by paid_at, payment_id) as place, sum(amount) over (partition by order_id) as paid
from shop.payments where lower(trim(status)) = 'captured';
create temporary table verdict as
select 'orders' as feed, json_build_object('order_id', order_id) as key, rule, day from order_rule
union all select 'order_lines', json_build_object('order_id', order_id, 'line_no', line_no), rule, day from line_rule
union all select 'stores', json_build_object('store_id', store_id), 'unknown_market', null from shop.stores left join shop.markets m using (market_id) where m.market_id is null
union all select 'payments', json_build_object('payment_id', payment_id), 'unknown_order', paid_at::date from shop.payments p
  where not exists (select 1 from shop.orders x where x.order_id = p.order_id)
union all select 'payments', json_build_object('payment_id', payment_id), 'parent_quarantined', paid_at::date from shop.payments p
  where exists (select 1 from order_rule r where r.order_id = p.order_id and r.lost)
union all select 'payments', json_build_object('payment_id', payment_id), 'second_capture', paid_at::date from captured where place > 1
union all select 'payments', json_build_object('payment_id', payment_id), 'amount_mismatch', paid_at::date from captured c join total t using (order_id)
  where not exists (select 1 from order_rule r where r.order_id = c.order_id and r.lost) and exists (select 1 from shop.orders x where x.order_id = c.order_id)
    and abs(c.paid - coalesce(t.net, 0)) > 0.01;
