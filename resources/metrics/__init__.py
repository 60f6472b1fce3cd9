"""What is counted and measured, by OpenTelemetry. Off until a receiver is set; then the figures of the events that are logged are counted too.

Here belong the instruments with their names and units, what fills them, and the ways out: OTLP, Application Insights, Prometheus.
"""
