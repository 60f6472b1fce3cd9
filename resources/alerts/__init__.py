"""Alerts: from what Dagster's event log tells to one message an incident.

``observations``, ``lineage``, ``incident``, ``register``, ``notices`` and ``rendering`` are pure: figures in, figures out, no clock. ``event_tail``,
``check_events``, ``failed_runs`` and ``long_runs`` read Dagster; ``facts`` reads the lake; ``outbox`` keeps everything in ``ops.alerts``;
``channels`` and ``delivery`` send. ``tick`` puts them together for the sensor and the command line. No pipeline code imports any of this.
"""
