"""Schema drift: what the sources look like now, what was found before, and which days of silver it holds. No Spark, no Dagster."""
