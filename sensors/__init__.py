"""Sensors and automation. Nothing runs by itself yet: the issue that brings drift, freshness and alerts fills this package."""
