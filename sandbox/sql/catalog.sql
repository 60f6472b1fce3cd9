-- Markets, stores, products and lots of the shop. Variables: first, last (days of the shop's history).
create table market as
select *, getvariable('first') - interval 400 day + interval 1 day * pick(300, 'market', market_id) as updated_at from (values
    ('US-OH', 'Ohio', 'North America', 'US', 'USD', 0.24), ('US-KY', 'Kentucky', 'North America', 'us', 'USD', 0.14),
    ('US-IN', 'Indiana', 'North America', 'US', 'USD', 0.14), ('US-TX', 'Texas', 'North America', 'US', 'USD', 0.14),
    ('US-MI', 'Michigan', 'North America', 'US', 'USD', 0.10), ('US-TN', 'Tennessee', 'North America', 'US', 'USD', 0.08),
    ('GB', 'United Kingdom', 'Europe', 'gb', 'GBP', 0.11), ('IE', 'Ireland', 'Europe', 'IE', 'EUR', 0.05)
) m(market_id, market_name, region, country_code, currency, share);

-- A store that no order names stands in a market that does not exist.
create table store as
with placed as (select *, coalesce(sum(share) over (order by market_id rows between unbounded preceding and 1 preceding), 0) as low from market)
select s.store_id, p.market_id,
       p.market_name || ' ' || s.store_id as store_name,
       case when u('channel', s.store_id) < 0.62 then 'retail' when u('channel', s.store_id) < 0.82 then 'web'
            when u('channel', s.store_id) < 0.92 then 'wholesale' else 'marketplace' end as channel,
       getvariable('first') - 400 - 7 * pick(500, 'opened', s.store_id) as opened_on,
       getvariable('first') - interval 380 day + interval 1 hour * pick(9000, 'store', s.store_id) as updated_at
from (select distinct store_id from source_line) s
join placed p on u('market', s.store_id) >= p.low and u('market', s.store_id) < p.low + p.share;

create table shop_stores as
select * from store
union all select 99901, 'XX-00', 'Pop-up 99901', 'retail', getvariable('first') - 30, getvariable('first') - interval 30 day;

create table word_a as select row_number() over () - 1 as n, w from (select unnest(['Amber', 'Blue', 'Cedar', 'Crystal', 'Golden', 'Grand', 'Green', 'High',
    'Iron', 'Lake', 'Lone', 'Maple', 'North', 'Old', 'Pine', 'Prime', 'Red', 'River', 'Royal', 'Silver', 'Stone', 'Summit', 'Sunny', 'Wild']) as w);
create table word_b as select row_number() over () - 1 as n, w from (select unnest(['Anchor', 'Bay', 'Bear', 'Bridge', 'Brook', 'Canyon', 'Creek', 'Crown',
    'Eagle', 'Falls', 'Field', 'Fox', 'Gate', 'Grove', 'Harbor', 'Hill', 'Orchard', 'Peak', 'Ridge', 'Spring', 'Star', 'Trail', 'Valley', 'Well']) as w);

create table product as
with named as (
    select p.*, coalesce(x.lines, 0) as lines_a_year,
           case when p.brand = 'Private' then ['Kestrel House', 'Globalbev Own', 'Market Table'][1 + p.manufacturer_id % 3]
                else a.w || ' ' || b.w end as brand_name,
           coalesce(nullif(x.highest, 0), (99 + 25 * pick(40, 'price', p.sku_number)) / 100)::decimal(12, 2) as list_price
    from source_product p left join source_price x using (product_id)
    join word_a a on a.n = pick(24, 'brand_a', p.manufacturer_id) join word_b b on b.n = pick(24, 'brand_b', p.manufacturer_id)
)
select *, case when u('brand_dirt', sku) < 0.02 then 'upper' when u('brand_dirt', sku) < 0.04 then 'lower'
               when u('brand_dirt', sku) < 0.05 then 'padded' when u('brand_dirt', sku) < 0.06 then 'spaced' end as brand_dirt,
       case when u('category_dirt', sku) < 0.015 then 'lower' when u('category_dirt', sku) < 0.025 then 'padded'
            when u('category_dirt', sku) < 0.026 then 'missing' end as category_dirt,
       lines_a_year >= 25 as is_monthly
from named;

create table shop_products as
select sku, brand_name || ' ' || product_type || coalesce(' ' || package_size, '') as product_name,
       case brand_dirt when 'upper' then upper(brand_name) when 'lower' then lower(brand_name) when 'padded' then '  ' || brand_name || ' '
            when 'spaced' then replace(brand_name, ' ', '  ') else brand_name end as brand,
       'Manufacturer ' || manufacturer_id as manufacturer,
       case category_dirt when 'lower' then lower(product_category) when 'padded' then ' ' || product_category || '  '
            when 'missing' then null else product_category end as category,
       product_type as subcategory, package_size, list_price, 'USD' as currency,
       getvariable('first') - 200 - pick(4000, 'launched', sku) as launched_on,
       case when lines_a_year = 0 and u('gone', sku) < 0.5 then getvariable('first') - 1 - pick(180, 'gone_on', sku) end as discontinued_on,
       getvariable('first') - interval 160 day + interval 1 minute * pick(200000, 'product', sku) as updated_at
from product;

-- A lot is made within the first 20 days of each block of 30 (or, for slow sellers, 90) days.
create table lot_plan as
select sku, sku_number, case when is_monthly then 30 else 90 end as period from product where lines_a_year > 0;
create macro lot_id(sku_number, block) as 'L' || lpad(sku_number::varchar, 6, '0') || '-' || block::varchar;
create macro made_on(sku, period, block) as date '1970-01-01' + (block * period + pick(20, 'lot', sku || ':' || block))::int;

create table shop_lots as
with block as (
    select p.*, unnest(range((day_number(getvariable('first')) - 220) // p.period, day_number(getvariable('last')) // p.period + 1)) as block from lot_plan p
)
select lot_id(sku_number, block) as lot_id, sku, made_on(sku, period, block) as manufactured_on,
       made_on(sku, period, block) + 180 + pick(400, 'expires', sku || ':' || block) as expires_on,
       ['Columbus', 'Louisville', 'Leeds', 'Cork'][1 + pick(4, 'plant', sku)] as plant,
       made_on(sku, period, block) + interval 6 hour as updated_at
from block where made_on(sku, period, block) between getvariable('first') - 220 and getvariable('last');

-- Where each household of the year buys most: there its customer lives, once for each replica.
create table home as
with visit as (select household_id, market_id, count(*) as lines from source_line join store using (store_id) group by all)
select household_id + 10000 * (1 + r.replica) as customer_id, max_by(market_id, (lines, market_id)) as market_id
from visit cross join (select unnest(range(getvariable('scale'))) as replica) r group by all;
create view home_sorted as select * from home order by customer_id;

create view best_seller as select sku from product where lines_a_year > 0 order by lines_a_year desc, sku limit 400;
create view stocked as
select p.sku, p.sku_number, l.period, round(s.units / 365.0, 3)::double as daily_units
from product p join lot_plan l using (sku) join (select sku, sum(quantity) as units from source_line group by sku) s using (sku)
order by p.lines_a_year desc, p.sku limit 400;
create view new_lots as select * from shop_lots where manufactured_on = getvariable('last');
