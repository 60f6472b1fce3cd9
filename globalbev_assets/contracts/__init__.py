"""What every table promises: one contract a table, from which schema, rules, checks, documentation and drift baseline are compiled."""
