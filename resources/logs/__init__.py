"""What the lakehouse says of its own work, and what it never says.

Here belong events (their names, fields and binding to run and days), the redaction that every text passes on its way out, the handlers that
write it, and its shipping to Log Analytics. What is counted belongs to :mod:`resources.metrics`.
"""
