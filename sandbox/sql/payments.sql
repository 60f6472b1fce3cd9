-- One captured payment an order that was paid, in the amount of its lines; attempts, authorisations and refunds beside it. Variable: first_payment_id.
create table attempt as
with owed as (
    select c.order_id, c.kind, c.fate, c.currency, c.ordered_at, c.customer_id, round(abs(t.paid), 2)::decimal(14, 2) as amount,
           ['card', 'card', 'card', 'card', 'wallet', 'wallet', 'invoice', 'gift'][1 + pick(8, 'method', c.order_id)] as method,
           to_seconds(20 + pick(900, 'paid_after', c.order_id)) as soon, to_hours(24 + pick(312, 'invoice_after', c.order_id)) as later
    from chosen c join order_total t using (order_id)
), timed as (
    select *, case when method = 'invoice' and ordered_at + later < getvariable('read_end') then ordered_at + later else ordered_at + soon end as moment from owed
)
select order_id, kind, 1 as step, amount, 'failed' as status, ordered_at + interval 10 second as moment, method, currency, false as is_second
from timed where u('failed', order_id) < 0.04
union all
select order_id, kind, 2, case when kind = 'second_capture' then round(amount * 0.6, 2)
                               when kind = 'amount_mismatch' then amount + 0.50 + pick(1900, 'off_by', order_id) / 100.0 else amount end::decimal(14, 2),
       'captured', moment, method, currency, false
from timed where fate in ('paid', 'shipped', 'delivered')
union all
select order_id, kind, 3, (amount - round(amount * 0.6, 2))::decimal(14, 2), 'captured', moment + interval 2 minute, method, currency, true
from timed where kind = 'second_capture'
union all
select order_id, kind, 4, amount, 'authorised', ordered_at + soon, method, currency, false
from timed where (fate = 'placed' and u('authorised', order_id) < 0.7) or (fate = 'cancelled' and u('authorised', order_id) < 0.5)
union all
select order_id, kind, 5, amount, 'refunded', ordered_at + soon, method, currency, false
from timed where fate = 'returned'
union all
select 9000000000 + order_id, kind, 6, amount + 1, 'captured', ordered_at + soon, method, currency, false
from timed where kind = 'orphan_payment';

create table payment as
select row_number() over (order by moment, order_id, step) - 1 + getvariable('first_payment_id') as payment_id, * exclude (moment),
       least(moment, getvariable('read_end')) as paid_at,
       least(moment + to_seconds(pick(300, 'settled', order_id * 10 + step)), getvariable('read_end')) as updated_at,
       u('payment_spelling', order_id * 10 + step) < 0.005 as is_misspelt
from attempt;

create table shop_payments as
select payment_id, order_id, method,
       case when method = 'card' then lpad(pick(10000, 'card', order_id)::varchar, 4, '0') end as card_last4,
       amount, currency,
       case when is_misspelt then case pick(3, 'pay_spelling', payment_id) when 0 then upper(status) when 1 then upper(status[1]) || status[2:] else ' ' || status || ' ' end
            else status end as status,
       paid_at, updated_at
from payment;
