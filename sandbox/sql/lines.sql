-- Order lines with their defects: changed in place, doubled, or without an order.
create table dirty_line as
select b.*, c.kind, c.replica, c.updated_at as order_updated_at, c.kind is not null and b.line_no = c.target_line as is_target,
       least(b.ordered_at + to_seconds(1 + pick(120, 'line', b.order_id * 100 + b.line_no))
             + case when u('line_late', b.order_id * 100 + b.line_no) < 0.01 then to_hours(24 + pick(700, 'line_late_by', b.order_id)) else to_hours(0) end,
             getvariable('read_end')) as updated_at
from base_line b join chosen c using (order_id);

create table line as
select order_id, line_no, kind, is_target, day, ordered_at, updated_at, false as is_extra,
       case when is_target and kind = 'unknown_sku' then 'BEV-9' || lpad((sku_number % 100000)::varchar, 5, '0') else sku end as sku,
       case when is_target and kind = 'unknown_lot' then 'L999999-' || order_id
            when is_target and kind = 'manufactured_before_sold' then lot_id(sku_number, day_number(day) // period + 1)
            else lot_id end as lot_id,
       case when is_target and kind = 'negative_quantity' then -quantity else quantity end as quantity,
       case when is_target and kind = 'negative_price' then -unit_price when is_target and kind = 'zero_price' then 0 else unit_price end::decimal(12, 4) as unit_price,
       case when is_target and kind = 'zero_price' then 0 else discount_amount end::decimal(12, 2) as discount_amount,
       case when is_target and kind = 'zero_price' then 0 else quantity * unit_price - sign(quantity) * discount_amount end::decimal(18, 4) as paid_amount
from dirty_line
union all
select order_id, (select max(line_no) from base_line m where m.order_id = d.order_id) + 1, kind, is_target, day, ordered_at,
       least(updated_at + interval 3 second, getvariable('read_end')), true, sku, lot_id, quantity, unit_price, discount_amount, 0
from dirty_line d where is_target and kind = 'duplicate_line'
union all
select 9000000000 + order_id, 1, kind, is_target, updated_at::date, ordered_at, updated_at, true, sku, lot_id, quantity, unit_price, discount_amount, 0
from dirty_line where is_target and kind = 'orphan_line';

create table shop_order_lines as
select order_id, line_no, sku, lot_id, quantity, unit_price, discount_amount, updated_at from line;

-- What was paid, and what the lakehouse will publish: they differ where a line is quarantined.
create table order_total as
select order_id, sum(paid_amount) as paid,
       sum(case when is_target and kind in ('unknown_sku', 'manufactured_before_sold', 'negative_quantity', 'negative_price') then 0 else paid_amount end) as published
from line where order_id < 9000000000 group by order_id;
