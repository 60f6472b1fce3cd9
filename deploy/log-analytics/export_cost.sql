-- Databricks SQL, scheduled daily: cost by pipeline for deploy/kql/cost_by_pipeline.kql. Reads system.billing; the reader needs SELECT on it.
-- Its rows go to the stream Custom-GlobalBevCost_CL (cost_table.json) by the same ingestion API that takes the logs.
SELECT
  current_timestamp()                              AS TimeGenerated,
  CAST(u.usage_date AS TIMESTAMP)                  AS UsageDate,
  COALESCE(u.custom_tags['pipeline'], '')          AS Pipeline,
  u.sku_name                                       AS Sku,
  CAST(SUM(u.usage_quantity) AS DOUBLE)            AS Dbus,
  CAST(SUM(u.usage_quantity * p.pricing.default) AS DOUBLE) AS Cost,
  FIRST(p.currency_code)                           AS Currency
FROM system.billing.usage AS u
JOIN system.billing.list_prices AS p
  ON p.sku_name = u.sku_name AND p.cloud = u.cloud
  AND u.usage_end_time >= p.price_start_time AND (p.price_end_time IS NULL OR u.usage_end_time < p.price_end_time)
WHERE u.usage_date >= date_sub(current_date(), 3)
  AND u.custom_tags['data_product'] = 'globalbev-lakehouse'
GROUP BY u.usage_date, COALESCE(u.custom_tags['pipeline'], ''), u.sku_name
