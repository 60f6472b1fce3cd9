"""Asset checks: they judge the figures that the steps recorded, so they take no Spark and no step launcher."""
