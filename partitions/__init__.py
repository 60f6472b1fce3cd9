"""Time in the lakehouse: the daily partitions, ranges of them, the clock, and what Dagster is told for each day."""
