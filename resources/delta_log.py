"""What is asked of a table's log, and the small tables beside the lake's: on a folder by ``deltalake``, on a cluster's storage by its Spark.

``deltalake`` needs 10 ms and no JVM where Spark needs 300, so it has every folder. Storage behind Unity Catalog lends its credentials to the
cluster's Spark alone; there the same questions are asked in SQL.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import TableNotFoundError

from globalbev_assets.contracts.model import Contract
from globalbev_assets.transforms.schemas import create_statement, delta_schema_json, nullable_column_ddl
from resources.delta_creation import append, create, create_table
from resources.delta_dataset import dataset_of, rows_of
from resources.delta_sql import quoted, table_at
from resources.places import Catalogued
from resources.table_frames import load_table, save_table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Filter = tuple[str, str, Any]
Row = Mapping[str, Any]
_ABSENT = (
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_PATH_DOES_NOT_EXIST",
    "PATH_NOT_FOUND",
    "is not a Delta table",
    "doesn't exist",
)


_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "in": lambda column, value: column.isin(list(value)),
    "not in": lambda column, value: ~column.isin(list(value)),
}


@dataclass(frozen=True)
class Dialect:
    """What two engines that know the same SQL otherwise call by two names; each a pattern for ``str.format``.

    Attributes:
        text: of the ``field`` in the ``json`` text; a field's name without quotation marks.
        each: the list of one ``field`` of a ``list`` of structs.
        size: of a ``list``.
    """

    text: str
    each: str
    size: str


DUCKDB = Dialect("json_extract_string({json}, '$.\"{field}\"')", "list_transform({list}, lambda one: one.{field})", "len({list})")
SPARK = Dialect("get_json_object({json}, \"$['{field}']\")", "{list}.{field}", "size({list})")
_QUERY_MEMORY = "512MB"  # beyond it DuckDB goes to disk


class DeltaLog(Protocol):
    """The questions; a path is a folder or a URL."""

    def version(self, path: str) -> int | None:
        """The newest version; None when there is no table."""

    def create(self, path: str, contract: Contract) -> None:
        """Create the table from its contract, when it is missing."""

    def add_missing_columns(self, path: str, contract: Contract) -> None:
        """Give the table the columns that its contract has by now and it has not, NULL in its rows; no commit where none is missing."""

    def history(self, path: str, after: int) -> list[Row]:
        """The commits after a version, newest first: ``version``, ``operation``, ``userMetadata``."""

    def append(self, path: str, rows: pa.Table, properties: Mapping[str, str]) -> None:
        """Append a few rows, creating the table when it is missing."""

    def merge(self, path: str, rows: pa.Table, key: Sequence[str], properties: Mapping[str, str]) -> None:
        """Put a few rows into a table, each in the place of the one with its key, creating the table when it is missing.

        Raises:
            deltalake.exceptions.CommitFailedError: another writer was faster; a cluster's Spark tries again by itself.
        """

    def read(self, path: str, filters: Sequence[Filter]) -> list[Row]:
        """Rows of a small table for which every filter (column, ``=``, ``>=``, ``in`` or ``not in``, value) holds; none when there is no table."""

    @property
    def dialect(self) -> Dialect:
        """Of :meth:`query`."""

    def query(self, sql: str, tables: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """Ask one thing of large tables, and get few rows.

        Args:
            sql: the question, with the tables' names in braces.
            tables: where each of them is. Each must be there.
        """


class FolderLog:
    """By ``deltalake``: no JVM."""

    def version(self, path: str) -> int | None:
        """See :class:`DeltaLog`."""
        try:
            return DeltaTable(path, without_files=True).version()
        except TableNotFoundError:
            return None

    def create(self, path: str, contract: Contract) -> None:
        """See :class:`DeltaLog`."""
        create_table(path, contract)

    def add_missing_columns(self, path: str, contract: Contract) -> None:
        """See :class:`DeltaLog`."""
        table = DeltaTable(path, without_files=True)
        known = {field.name for field in table.schema().fields}
        added = [field for field in Schema.from_json(delta_schema_json(contract)).fields if field.name not in known]
        if added:
            table.alter.add_columns([Field(field.name, field.type, nullable=True, metadata=field.metadata) for field in added])

    def history(self, path: str, after: int) -> list[Row]:
        """See :class:`DeltaLog`."""
        table = DeltaTable(path)
        commits: list[Row] = list(table.history(table.version() - after)) if table.version() > after else []
        return commits

    def append(self, path: str, rows: pa.Table, properties: Mapping[str, str]) -> None:
        """See :class:`DeltaLog`."""
        create(path, rows.schema, properties)
        append(path, rows)

    def merge(self, path: str, rows: pa.Table, key: Sequence[str], properties: Mapping[str, str]) -> None:
        """See :class:`DeltaLog`."""
        try:
            table = DeltaTable(path)
        except TableNotFoundError:
            self.append(path, rows, properties)
            return
        is_same = " AND ".join(f"t.{name} = s.{name}" for name in key)
        table.merge(rows, is_same, source_alias="s", target_alias="t").when_matched_update_all().when_not_matched_insert_all().execute()

    def read(self, path: str, filters: Sequence[Filter]) -> list[Row]:
        """See :class:`DeltaLog`."""
        try:
            rows: list[Row] = rows_of(path, filters=filters).to_pylist()
        except TableNotFoundError:
            return []
        return rows

    @property
    def dialect(self) -> Dialect:
        """See :class:`DeltaLog`."""
        return DUCKDB

    def query(self, sql: str, tables: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """See :class:`DeltaLog`."""
        import duckdb  # noqa: PLC0415  40 ms, and most steps ask nothing so

        spill = Path(tempfile.gettempdir()) / f"globalbev-query-{os.getpid()}-{uuid.uuid4().hex}"
        with duckdb.connect(config={"memory_limit": _QUERY_MEMORY, "temp_directory": str(spill)}) as connection:
            connection.execute("set timezone = 'UTC'")
            for name, path in tables.items():
                connection.register(name, dataset_of(path))
            return connection.execute(sql.format_map({name: name for name in tables})).fetchall()


@dataclass(frozen=True)
class ClusterLog:
    """By the cluster's Spark, in a session that opens when something is asked.

    Attributes:
        spark: gives the session.
        root: of the lake.
        catalog: under whose names the tables are asked for, each where its path says; None for paths alone.
    """

    spark: Callable[[], SparkSession]
    root: str = ""
    catalog: str | None = None
    _known: set[str] = field(default_factory=set)

    def version(self, path: str) -> int | None:
        """See :class:`DeltaLog`."""
        table = self._there(path)
        found = self._asked(f"DESCRIBE HISTORY {table_at(table)} LIMIT 1") if table else []
        return int(found[0]["version"]) if found else None

    def create(self, path: str, contract: Contract) -> None:
        """See :class:`DeltaLog`."""
        if self._there(path) is None or self.catalog is None:
            self._run(f"{create_statement(contract, table_at(self._named(path)))}{self._location(path)}")

    def add_missing_columns(self, path: str, contract: Contract) -> None:
        """See :class:`DeltaLog`."""
        table = self._named(path)
        known = set(load_table(self.spark(), table).columns)
        added = [nullable_column_ddl(column) for column in contract.columns if column.name not in known]
        if added:
            self._run(f"ALTER TABLE {table_at(table)} ADD COLUMNS ({', '.join(added)})")

    def history(self, path: str, after: int) -> list[Row]:
        """See :class:`DeltaLog`."""
        return [row for row in self._asked(f"DESCRIBE HISTORY {table_at(self._named(path))}") if row["version"] > after]

    def append(self, path: str, rows: pa.Table, properties: Mapping[str, str]) -> None:
        """See :class:`DeltaLog`."""
        place = {} if self.catalog is None or self._there(path) else {"path": self._path(path)}
        save_table(self._rows(rows).write.format("delta").mode("append").options(**properties, **place), self._named(path))

    def merge(self, path: str, rows: pa.Table, key: Sequence[str], properties: Mapping[str, str]) -> None:
        """See :class:`DeltaLog`."""
        if self.version(path) is None:
            self.append(path, rows, properties)
            return
        view = f"merge_{uuid.uuid4().hex}"
        self._rows(rows).createOrReplaceTempView(view)
        is_same = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in key)
        target = table_at(self._named(path))
        try:
            self._run(f"MERGE INTO {target} t USING {view} s ON {is_same} WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
        finally:
            self.spark().catalog.dropTempView(view)

    def read(self, path: str, filters: Sequence[Filter]) -> list[Row]:
        """See :class:`DeltaLog`."""
        return [] if self.version(path) is None else self._frame(path, filters).toArrow().to_pylist()

    @property
    def dialect(self) -> Dialect:
        """See :class:`DeltaLog`."""
        return SPARK

    def query(self, sql: str, tables: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """See :class:`DeltaLog`."""
        asked = sql.format_map({name: table_at(self._named(path)) for name, path in tables.items()})
        return [tuple(row) for row in self.spark().sql(asked).collect()]

    def _frame(self, path: str, filters: Sequence[Filter]) -> DataFrame:
        from pyspark.sql import functions as F  # noqa: PLC0415  PySpark is imported with the first session

        frame = load_table(self.spark(), self._named(path))
        for column, operator, value in filters:
            frame = frame.where(_COMPARISONS[operator](F.col(column), value))
        return frame

    def _rows(self, rows: pa.Table) -> DataFrame:
        from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415  as above

        records = [tuple(record.values()) for record in rows.to_pylist()]
        return self.spark().createDataFrame(records, from_arrow_schema(rows.schema)).coalesce(1)

    def _named(self, path: str) -> str:
        """The table as it is asked for: by its name where there is a catalog."""
        if self.catalog is None or isinstance(path, Catalogued):
            return path
        return Catalogued(".".join([self.catalog, *path.removeprefix(f"{self.root}/").split("/")]))

    def _path(self, path: str) -> str:
        """Where the table lies."""
        return f"{self.root}/{'/'.join(path.split('.')[1:])}" if isinstance(path, Catalogued) else path

    def _location(self, path: str) -> str:
        return f"\nLOCATION '{self._path(path)}'" if self.catalog else ""

    def _there(self, path: str) -> str | None:
        """The table as it is asked for, if it is there; one that lies at its place and that the catalog does not know is made known to it."""
        table = self._named(path)
        if self.catalog is None or table in self._known:
            return table
        spark, schema = self.spark(), table_at(Catalogued(table.rpartition(".")[0]))
        if not spark.catalog.tableExists(table_at(table)):
            if not spark.catalog.databaseExists(schema):
                self._run(f"CREATE SCHEMA {schema}")
            if not self._registered(table, path):
                return None
        self._known.add(table)
        return table

    def _registered(self, table: str, path: str) -> bool:
        """Make a table known that lies at its place. Looked for first: Delta makes a table without columns of an empty place."""
        place = self._path(path)
        if not self._asked(f"DESCRIBE HISTORY {table_at(place)} LIMIT 1"):
            return False
        self._run(f"CREATE TABLE {table_at(table)} USING DELTA{self._location(path)}")
        return True

    def _run(self, statement: str) -> None:
        self.spark().sql(statement)

    def _asked(self, statement: str) -> list[Row]:
        from pyspark.errors import AnalysisException  # noqa: PLC0415  as above

        try:
            return [row.asDict() for row in self.spark().sql(statement).select("version", "operation", "userMetadata").collect()]
        except AnalysisException as error:
            if any(sign in str(error) for sign in _ABSENT):
                return []
            raise
