"""How an asset reaches the world: settings, Spark, the lakehouse, the shop, the inventory API, the landing zone."""
