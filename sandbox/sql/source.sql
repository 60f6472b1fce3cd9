-- The year's real beverage sales and its catalogue. Variables: seed, transactions, products, promotions, first (of the shop's history).
-- u() and pick() are the only chance in here: a pure function of seed, salt and key, so that any day can be made alone and comes out the same.
create macro u(salt, k) as
    md5_number_lower(getvariable('seed')::varchar || ':' || salt || ':' || k::varchar)::double / 18446744073709551616.0;
create macro pick(n, salt, k) as floor(u(salt, k) * n)::int;
create macro day_number(d) as date_diff('day', date '1970-01-01', d);

create table category(name varchar);
insert into category values
    ('SOFT DRINKS'), ('DOMESTIC WINE'), ('IMPORTED WINE'), ('MISC WINE'), ('BEERS/ALES'), ('COFFEE'), ('WATER - CARBONATED/FLVRD DRINK'), ('WATER'),
    ('TEAS'), ('CANNED JUICES'), ('REFRGRATD JUICES/DRNKS'), ('JUICE'), ('ISOTONIC DRINKS'), ('LIQUOR'), ('FLUID MILK PRODUCTS'),
    ('NON-DAIRY BEVERAGES'), ('DRY TEA/COFFEE/COCO MIX'), ('BEVERAGE'), ('SERVICE BEVERAGE'), ('COFFEE SHOP'), ('NDAIRY/TEAS/JUICE/SOD');

create table source_product as
select p.product_id, row_number() over (order by p.product_id)::int as sku_number,
       'BEV-' || lpad(row_number() over (order by p.product_id)::varchar, 6, '0') as sku,
       p.manufacturer_id, p.brand, p.product_category, p.product_type, p.package_size
from read_parquet(getvariable('products')) p
where p.product_category in (select name from category);

create table source_line as
select t.basket_id, t.household_id, t.store_id, t.product_id, t.quantity, p.sku_number, p.sku,
       t.sales_value, t.retail_disc, t.coupon_match_disc, t.transaction_timestamp as sold_at, t.transaction_timestamp::date as sold_on
from read_parquet(getvariable('transactions')) t join source_product p using (product_id);

create table source_price as
select product_id, count(*) as lines,
       max(case when quantity > 0 then round(((sales_value + retail_disc + coupon_match_disc) / quantity)::decimal(18, 6), 2) end) as highest
from source_line group by product_id;
