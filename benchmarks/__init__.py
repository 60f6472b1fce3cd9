"""Measured, not asserted: ratios within one run, for the machines are shared and noisy."""
