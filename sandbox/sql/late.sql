-- News of older orders, all of it updated at this moment; rows that carry a defect are spared. PostgreSQL; parameters: moment, first_new.
create temporary table whole on commit drop as
select o.order_id from shop.orders o
where o.order_id < 9000000000 and o.ordered_at is not null
  and not exists (select 1 from spared_orders s where s.order_id = o.order_id)
  and not exists (select 1 from shop.payments p join spared_payments s using (payment_id) where p.order_id = o.order_id);

-- Forty orders move on.
update shop.orders o set status = case o.status when 'paid' then 'shipped' else 'delivered' end, updated_at = %(moment)s
where o.order_id in (
    select w.order_id from whole w join shop.orders x using (order_id)
    where x.status in ('paid', 'shipped') and w.order_id < %(first_new)s order by md5(w.order_id::text || %(moment)s::text) limit 40);

-- Eight lines get a discount afterwards, and their payments follow.
create temporary table favour on commit drop as
select l.order_id, l.line_no from whole w join shop.orders o using (order_id) join shop.order_lines l using (order_id)
where o.status = 'delivered' and w.order_id < %(first_new)s and l.quantity > 0 and l.quantity * l.unit_price - l.discount_amount > 1 and l.line_no = 1
order by md5(l.order_id::text || 'favour' || %(moment)s::text) limit 8;
update shop.payments p set amount = p.amount - 0.25, updated_at = %(moment)s from favour f where f.order_id = p.order_id and p.status = 'captured';
update shop.order_lines l set discount_amount = l.discount_amount + 0.25, updated_at = %(moment)s
from favour f where f.order_id = l.order_id and f.line_no = l.line_no;

-- Six orders of the days before reach the shop only now. Their lots are not known.
create temporary table belated on commit drop as
select w.order_id, interval '1 day' * (3 + row_number() over (order by w.order_id) * 5) as by from whole w
where w.order_id >= %(first_new)s order by md5(w.order_id::text || 'belated') limit 6;
update shop.order_lines l set lot_id = null, updated_at = %(moment)s from belated b where b.order_id = l.order_id;
update shop.payments p set paid_at = p.paid_at - b.by, updated_at = %(moment)s from belated b where b.order_id = p.order_id;
update shop.orders o set ordered_at = o.ordered_at - b.by, updated_at = %(moment)s from belated b where b.order_id = o.order_id;
