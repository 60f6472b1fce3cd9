-- Databricks SQL: cost by day and SKU of one environment (:environment) for deploy/kql/cost_by_pipeline.kql. Reads system.billing, which is the whole
-- account's; the reader needs SELECT on it. What another unit than DBU is counted in costs, and is no DBU.
-- Its rows belong into the stream Custom-GlobalBevCost_CL (cost_table.json), by the same ingestion API that takes the logs. Nothing here runs or sends it yet.
SELECT
  current_timestamp()                              AS TimeGenerated,
  CAST(u.usage_date AS TIMESTAMP)                  AS UsageDate,
  u.custom_tags['env']                             AS Environment,
  u.sku_name                                       AS Sku,
  CAST(SUM(CASE WHEN u.usage_unit = 'DBU' THEN u.usage_quantity ELSE 0 END) AS DOUBLE) AS Dbus,
  CAST(SUM(u.usage_quantity * p.pricing.default) AS DOUBLE) AS Cost,
  FIRST(p.currency_code)                           AS Currency
FROM system.billing.usage AS u
JOIN system.billing.list_prices AS p
  ON p.sku_name = u.sku_name AND p.cloud = u.cloud
  AND u.usage_end_time >= p.price_start_time AND (p.price_end_time IS NULL OR u.usage_end_time < p.price_end_time)
WHERE u.usage_date >= date_sub(current_date(), 3)
  AND u.custom_tags['data_product'] = 'globalbev-lakehouse'
  AND u.custom_tags['env'] = :environment
GROUP BY u.usage_date, u.custom_tags['env'], u.sku_name
