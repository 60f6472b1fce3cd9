"""Sensors and automation: what looks at the lakehouse and its sources by itself, without Spark and within seconds."""
