"""What arrived, as a frame: files of the landing zone and pages of an API, every field as text, with where each record stood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING

from globalbev_assets.contracts.model import Column as ContractColumn
from globalbev_assets.contracts.model import Contract
from resources.api_feed import ApiFeed, DayFetch
from resources.file_feed import FileFeed
from resources.landing_csv import in_contract_spelling
from resources.readable_files import ReadableFile

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

CORRUPT = "_corrupt_record"


def file_feed(contract: Contract) -> FileFeed:
    """The feed of a contract whose source is files."""
    options = contract.source.options
    columns = tuple(column.source_name for column in contract.business_columns)
    feed = FileFeed(options["feed"], options["format"], columns)
    return replace(feed, encodings=tuple(options.get("encodings", feed.encodings)), delimiters=tuple(options.get("delimiters", feed.delimiters)))


def api_feed(contract: Contract) -> ApiFeed:
    """The feed of a contract whose source is a JSON API."""
    fields = set(ApiFeed.__dataclass_fields__) - {"name"}
    given = {name: value for name, value in contract.source.options.items() if name in fields}
    for name in ("key_fields", "query"):
        if name in given:
            given[name] = tuple(tuple(item) if isinstance(item, list) else item for item in given[name])
    return ApiFeed(name=contract.source.options.get("name", contract.table), **given)


def from_files(spark: SparkSession, contract: Contract, files: Sequence[ReadableFile]) -> DataFrame | None:
    """The records of these files; None when there are none. ``_source`` is ``feed/day/name``, ``_source_position`` the record's number."""
    filled = [one for one in files if one.file.records]
    if not filled:
        return None
    if contract.source.options["format"] == "csv":
        layouts = groupby(sorted(filled, key=_layout), key=_layout)
        frames = [_csv(spark, contract, list(group)) for _, group in layouts]
        return reduce(lambda left, right: left.unionByName(right), frames)
    return _json(spark, contract, filled)


def misfits(frame: DataFrame) -> dict[str, tuple[date, int]]:
    """By ``_source``: the day of a file with records that do not fit their header, and how many. Of staged rows: Spark tells it of whole records only."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    bad = frame.where(F.get_json_object("_rescued", f"$.{CORRUPT}").isNotNull())
    return {row[0]: (row[1], row[2]) for row in bad.groupBy("_source", "_partition_date").count().collect()}


def from_pages(spark: SparkSession, contract: Contract, fetched: Iterable[DayFetch]) -> DataFrame | None:
    """The items of these days' pages; None when there are none. ``_source`` is ``api/day/page``."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    paths = [str(path) for day in fetched for path in day.files]
    if not paths:
        return None
    lines = spark.read.schema("_position long, _page int, record map<string,string>").json(paths).withColumn("_path", F.col("_metadata.file_path"))
    names = list(dict.fromkeys(name for column in contract.business_columns for name in (column.source_name, column.name)))
    day = F.regexp_extract("_path", r"/(\d{4}-\d{2}-\d{2})/page-", 1)
    return lines.select(
        *[_of_map("record", column).alias(column.name) for column in contract.business_columns],
        day.cast("date").alias("_partition_date"),
        F.concat(F.lit(f"{contract.source.options.get('name', contract.table)}/"), day).alias("_source"),
        F.col("_position").cast("string").alias("_source_position"),
        _rescued(F.map_filter("record", lambda key, _: ~key.isin(names))).alias("_rescued"),
    )


def _layout(one: ReadableFile) -> tuple[str, str, tuple[str, ...]]:
    return (one.file.encoding, one.file.delimiter, one.file.header)


def _csv(spark: SparkSession, contract: Contract, files: Sequence[ReadableFile]) -> DataFrame:
    """Files of one layout. A record that does not fit its header is kept whole in ``_rescued``; whether its day is published is the contract's to say."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    encoding, delimiter, delivered = _layout(files[0])
    header = in_contract_spelling(delivered, contract)
    fields = [f"c{index}" for index in range(len(header))]
    reader = spark.read.schema(", ".join(f"{name} string" for name in [*fields, CORRUPT])).option("columnNameOfCorruptRecord", CORRUPT)
    reader = reader.options(
        sep=delimiter,
        encoding=encoding,
        header="true",
        multiLine="true",
        mode="PERMISSIVE",
        escape='"',
        enforceSchema="true",
        ignoreTrailingWhiteSpace="false",
    )
    lines = _numbered(reader.csv([one.path for one in files]).withColumn("_path", F.col("_metadata.file_path")), files)
    by_name: dict[str, Column] = {name: F.col(field) for name, field in reversed(list(zip(header, fields, strict=True)))}
    sources = {column.name: column.source_in(by_name) for column in contract.business_columns}
    known = set(sources.values())
    extra = {name: field for name, field in by_name.items() if name not in known}
    rest = F.map_from_arrays(F.array(*[F.lit(name) for name in [*extra, CORRUPT]]), F.array(*extra.values(), F.col(CORRUPT)))
    return lines.select(
        *[(by_name[of] if of else F.lit(None).cast("string")).alias(name) for name, of in sources.items()],
        *_POSITION,
        _rescued(F.map_filter(rest, lambda _, value: value.isNotNull())).alias("_rescued"),
    )


_POSITION = ("_partition_date", "_source", "_source_position")


def _json(spark: SparkSession, contract: Contract, files: Sequence[ReadableFile]) -> DataFrame:
    """One record a document: its text in ``document``, its top-level fields by name."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    is_lines = contract.source.options["format"] == "jsonl"
    read = spark.read.text([one.path for one in files], wholetext=not is_lines).withColumn("_path", F.col("_metadata.file_path"))
    text = read.withColumn("value", F.regexp_replace("value", r"^\uFEFF", ""))
    if is_lines:
        documents = _numbered(text.where(F.trim("value") != ""), files)
    else:
        trimmed = F.trim("value")
        pieces = F.when(trimmed.startswith("["), F.from_json(trimmed, "array<string>")).otherwise(F.array(trimmed))
        documents = _placed(text.select("_path", F.posexplode(pieces).alias("_index", "value")).withColumn("_number", F.col("_index") + 1), files)
    columns = [column for column in contract.business_columns if column.name != "document"]
    names = list(dict.fromkeys(name for column in columns for name in (column.source_name, column.name)))
    fields = F.from_json("value", "map<string,string>")
    return documents.withColumn("_fields", fields).select(
        *[_of_map("_fields", column).alias(column.name) for column in columns],
        *([F.col("value").alias("document")] if any(column.name == "document" for column in contract.columns) else []),
        *_POSITION,
        _rescued(F.map_filter("_fields", lambda key, _: ~key.isin([*names, "document"]))).alias("_rescued"),
    )


def _numbered(lines: DataFrame, files: Sequence[ReadableFile]) -> DataFrame:
    """Number the records of each file as they stand in it: a file is read by one task, so the running id keeps their order."""
    from pyspark.sql import Window  # noqa: PLC0415
    from pyspark.sql import functions as F  # noqa: PLC0415

    order = Window.partitionBy("_path").orderBy("_running")
    return _placed(lines.withColumn("_running", F.monotonically_increasing_id()).withColumn("_number", F.row_number().over(order)), files)


def _placed(lines: DataFrame, files: Sequence[ReadableFile]) -> DataFrame:
    """Add day of delivery, source and position; the list of files is small and known."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    known = [(one.uri, one.file.day, f"{one.file.feed}/{one.file.day}/{one.file.name}") for one in files]
    listed = lines.sparkSession.createDataFrame(known, "_uri string, _partition_date date, _source string")
    return lines.join(F.broadcast(listed), F.regexp_replace("_path", "^(file|dbfs):/+", "file:///") == F.col("_uri")).withColumn(
        "_source_position", F.col("_number").cast("string")
    )


def _of_map(fields: str, column: ContractColumn) -> Column:
    """The column's value in a record: under its name at the source, else under its own."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    values = [F.element_at(fields, F.lit(name)) for name in dict.fromkeys((column.source_name, column.name))]
    return values[0] if len(values) == 1 else F.coalesce(*values)


def _rescued(fields: Column) -> Column:
    from pyspark.sql import functions as F  # noqa: PLC0415

    return F.when(F.size(fields) > 0, F.to_json(fields))
