"""A cold server made warm before anybody waits for it: a first write, replace and merge of ten rows in a scratch table.

The first of each costs seconds of class loading and compiling. Beside a client that is already at work this only takes its processor away,
so it belongs where other things are being made: while the sandbox fills its sources.
"""

from __future__ import annotations

import shutil
from uuid import uuid4

from resources.settings import Settings
from resources.spark import close_session, open_session
from resources.spark_profile import spark_folder

_MERGE = (
    "MERGE INTO {table} t USING (SELECT id, 4L AS day FROM range(10)) s ON t.id = s.id AND t.day = 4L "
    "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)


def warm_up(settings: Settings) -> None:
    """Start the server of ``settings`` if need be and run through the paths that every publish takes; errors of the server are raised."""
    spark = open_session(settings)
    scratch = spark_folder(settings.home) / f"warm-up-{uuid4().hex[:8]}"
    try:
        rows = spark.range(10).selectExpr("id", "id % 5 AS day")
        rows.write.format("delta").partitionBy("day").save(str(scratch))
        rows.where("day = 3").write.format("delta").mode("overwrite").option("replaceWhere", "day = 3").save(str(scratch))
        spark.sql(_MERGE.replace("{table}", f"delta.`{scratch}`")).collect()
        spark.read.format("delta").load(str(scratch)).groupBy("day").count().collect()
    finally:
        close_session(spark)
        shutil.rmtree(scratch, ignore_errors=True)
