-- Orders as the shop knows them, before their defects. Variables: scale, first_order_id, last, window_last, day_length.
-- day_map(day, source_day) says which days happen; defect_rate(kind, low, high) which share of the orders gets which defect.
create table base as
select row_number() over (order by d.day, r.replica, any_value(s.sold_at), s.basket_id) - 1 + getvariable('first_order_id') as order_id,
       r.replica, s.basket_id, d.day,
       d.day + to_microseconds((date_diff('microsecond', s.sold_on::timestamp, any_value(s.sold_at)) * getvariable('day_length'))::bigint) as ordered_at,
       any_value(s.store_id) as store_id, any_value(s.household_id) + 10000 * (1 + r.replica) as customer_id,
       bool_or(s.quantity = 0) or bool_or(s.sales_value + s.retail_disc + s.coupon_match_disc < 0.005) as is_odd, count(*) as line_count
from day_map d join source_line s on s.sold_on = d.source_day cross join (select unnest(range(getvariable('scale'))) as replica) r
group by d.day, r.replica, s.basket_id, s.sold_on;

create table placed as
select b.*, s.market_id, s.channel as store_channel, m.currency,
       case when u('fate', b.order_id) < 0.045 then 'cancelled'
            when u('fate', b.order_id) < 0.06 then 'returned'
            when u('age', b.order_id) < 0.5 * exp(-(getvariable('last') - b.day) / 1.5) + 0.01 then 'placed'
            when u('age', b.order_id) < 0.9 * exp(-(getvariable('last') - b.day) / 3.0) + 0.03 then 'paid'
            when u('age', b.order_id) < 1.0 * exp(-(getvariable('last') - b.day) / 5.0) + 0.05 then 'shipped'
            else 'delivered' end as fate,
       least(b.ordered_at + to_seconds(30 + pick(5400, 'updated', b.order_id))
             + case when u('late', b.order_id) < 0.06 then to_hours(20 + pick(900, 'late_by', b.order_id)) else to_hours(0) end,
             getvariable('read_end')) as updated_at,
       pick(b.line_count, 'target', b.order_id) + 1 as target_line
from base b join store s using (store_id) join market m using (market_id);

create table base_line as
select o.order_id, row_number() over (partition by o.order_id order by s.product_id)::int as line_no, s.sku, s.sku_number, p.is_monthly, l.period,
       o.day, o.ordered_at, o.fate,
       (case when o.fate = 'returned' then -1 else 1 end * s.quantity)::decimal(12, 3) as quantity,
       case when s.quantity = 0 then p.list_price
            else round(((s.sales_value + s.retail_disc + s.coupon_match_disc) / s.quantity)::decimal(18, 8), 4) end::decimal(12, 4) as unit_price,
       (s.retail_disc + s.coupon_match_disc)::decimal(12, 2) as discount_amount,
       case when u('untracked', o.order_id * 100 + s.sku_number % 100) >= 0.04 then lot_id(s.sku_number, (day_number(o.day) - 21) // l.period) end as lot_id
from placed o join day_map d using (day)
join source_line s on s.sold_on = d.source_day and s.basket_id = o.basket_id
join product p using (sku) join lot_plan l using (sku);

-- At most one defect an order, and none where the real data is odd already: so no row can carry two that contradict each other.
create table chosen as
with drawn as (
    select o.*, r.kind as drawn from placed o
    left join defect_rate r on u('defect', o.order_id) >= r.low and u('defect', o.order_id) < r.high and not o.is_odd
), target as (
    select order_id, min(line_no) filter (is_monthly) as monthly_line from base_line group by order_id
)
select d.* exclude (drawn, target_line),
       case when drawn = 'manufactured_before_sold' then monthly_line else target_line end as target_line,
       case when drawn in ('second_capture', 'amount_mismatch') and fate not in ('paid', 'shipped', 'delivered') then null
            when drawn in ('status_unknown', 'unknown_sku', 'manufactured_before_sold', 'negative_quantity', 'negative_price') and fate = 'returned' then null
            when drawn = 'manufactured_before_sold' and (monthly_line is null or day > getvariable('window_last') - 50) then null
            when drawn = 'duplicate_line' and (select lot_id is null from base_line b where b.order_id = d.order_id and b.line_no = d.target_line) then null
            else drawn end as kind
from drawn d join target using (order_id);

create table shop_orders as
select order_id,
       case when u('guest', order_id) >= 0.04 then customer_id end as customer_id,
       case kind when 'unknown_store' then 990000 + order_id % 50 else store_id end as store_id,
       case kind when 'missing_ordered_at' then null when 'future_ordered_at' then ordered_at + to_years(3 + pick(7, 'future', order_id)) else ordered_at end as ordered_at,
       case kind
            when 'status_unknown' then ['on hold', 'archived', '???', '', null][1 + pick(5, 'unknown', order_id)]
            when 'status_spelling' then
                case pick(4, 'spelling', order_id)
                     when 0 then upper(fate) when 1 then upper(fate[1]) || fate[2:] when 2 then '  ' || fate || ' '
                     else case fate when 'cancelled' then 'canceled' when 'shipped' then 'shiped' when 'delivered' then 'deliverd' else upper(fate) end end
            else fate end as status,
       case when u('own_channel', order_id) < 0.2 then null when u('own_channel', order_id) < 0.3 then 'web' else store_channel end as channel,
       case kind when 'currency_missing' then null
                 when 'currency_not_market' then case currency when 'USD' then 'GBP' else 'USD' end
                 else currency end as currency,
       updated_at
from chosen;
