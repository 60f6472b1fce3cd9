"""Databases as sources: PostgreSQL read by Spark's JDBC, all tables of a step and their counts in one snapshot.

Every column arrives as text, timestamps in UTC as ISO 8601; fields that the contract does not know arrive as JSON in ``_rescued``.
The business day of a row is computed by one expression, which also counts the rows for the reconciliation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from globalbev_assets.contracts.drift import is_essential, is_time
from globalbev_assets.contracts.drift_types import NUMBERS, TIMES, source_family
from globalbev_assets.contracts.model import Contract
from globalbev_assets.errors import DataRejectedError, TerminalError, TransientError
from partitions.days import DayRange
from resources.jdbc_address import jdbc_address

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CONNECT_S, STATEMENT_MS, SOCKET_S = 10, 300_000, 330
SPLIT_FROM_DAYS, SPLITS, FETCH_ROWS = 28, 2, 10_000
# The exporting connection waits, in its transaction, for the slowest table: the server may not end it for that (the second exists from PostgreSQL 17 on).
_NO_LIMITS = "select set_config(name, '0', false) from pg_settings where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')"
_HOST = re.compile(r"(?:/[^\s@]*|@[^\s@]+|[A-Za-z0-9_.-]*|\[?[0-9A-Fa-f:.]+\]?(?:%\w+)?)")
"""A name, an address, or the folder of a socket."""
_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


@dataclass(frozen=True)
class Snapshot:
    """One exported snapshot of a database: what every reader of a step sees, whatever is committed meanwhile."""

    connection: psycopg.Connection[Any]
    snapshot_id: str
    read_at: datetime
    dsn: str = field(repr=False)

    @contextmanager
    def beside(self) -> Iterator[Snapshot]:
        """The same rows on a connection of its own, for one table of several that are read at once.

        A statement that fails ends its transaction: on the connection that exported the snapshot it would end the snapshot of all the others.

        Raises:
            TransientError: GB-1230, when the database does not answer; GB-1236, when the snapshot is gone.
            TerminalError: GB-1231, when it refuses; GB-1237, when a statement fails.
            DataRejectedError: GB-2008, when its tables are not such as the contract says.
        """
        with _told(self.dsn), _connected(self.dsn) as connection:
            try:
                connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(self.snapshot_id)))
            except (psycopg.errors.UndefinedObject, psycopg.errors.InvalidParameterValue, psycopg.errors.ObjectNotInPrerequisiteState):
                raise TransientError(
                    "GB-1236",
                    "The database's snapshot is gone.",
                    got="the transaction that exported it has ended",
                    todo="Run again; if it goes on, look for a pooler or a time limit of the database that ends idle transactions.",
                ) from None
            yield replace(self, connection=connection)

    def counts(self, contract: Contract, days: DayRange) -> dict[date, int]:
        """Rows of the source by business day, in this snapshot."""
        relation = Relation.of(contract)
        _check_essentials(contract, self._column_types(relation))
        if relation.is_full:
            row = self._fetch(sql.SQL("select count(*) from {}").format(relation.table))[0]
            return {days.last: int(row[0])}
        query = sql.SQL("select {day} as d, count(*) from {source} where {within} group by 1").format(
            day=relation.day(self.read_at), source=relation.source, within=relation.within(days, self.read_at)
        )
        return {day: int(count) for day, count in self._fetch(query)}

    def sums(self, contract: Contract, names: Sequence[str], days: DayRange) -> dict[str, dict[date, Decimal]]:
        """What the source's numbers add up to, by column and business day, in this snapshot; not of columns that are none there (schema drift says so)."""
        relation, types = Relation.of(contract), self._column_types(Relation.of(contract))
        wanted = [(name, of) for name in names if (of := contract.column(name).source_in(types)) and source_family(types[of]) in NUMBERS]
        if not wanted:
            return {}
        columns = [sql.SQL("sum(t.{c}::numeric) filter (where t.{c}::numeric <> 'NaN')").format(c=sql.Identifier(of)) for _, of in wanted]
        day = sql.Literal(days.last) if relation.is_full else relation.day(self.read_at)
        within = sql.SQL("true") if relation.is_full else relation.within(days, self.read_at)
        query = sql.SQL("select {} as d, {} from {} where {} group by 1").format(day, sql.SQL(", ").join(columns), relation.source, within)
        rows = self._fetch(query)
        return {name: {row[0]: Decimal(row[place] or 0) for row in rows} for place, (name, _) in enumerate(wanted, start=1)}

    def frame(self, spark: SparkSession, contract: Contract, days: DayRange) -> DataFrame:
        """The rows of these days: text columns, ``_partition_date``, ``_source``, ``_source_position``, ``_ingested_at``, ``_rescued``.

        A column that the source lacks is NULL; that the source lacks it is schema drift, which the step records and which holds silver's days.

        Raises:
            DataRejectedError: GB-1232, when the source lacks a part of the key or the time that says the day.
        """
        from pyspark.sql import functions as F  # noqa: PLC0415

        relation = Relation.of(contract)
        query = self._select(contract, relation, days)
        reader = spark.read.format("jdbc").options(**self._jdbc_options(query))
        if not relation.is_full and len(days) >= SPLIT_FROM_DAYS:
            reader = reader.options(
                partitionColumn="_partition_date",
                lowerBound=str(days.first),
                upperBound=str(days.last + timedelta(days=1)),
                numPartitions=str(SPLITS),
            )
        return reader.load().withColumn("_source", F.lit(relation.name)).withColumn("_ingested_at", F.lit(self.read_at))

    def _select(self, contract: Contract, relation: Relation, days: DayRange) -> str:
        types = self._column_types(relation)
        sources = {column.name: column.source_in(types) for column in contract.business_columns}
        _check_essentials(contract, types)
        columns = [
            sql.SQL("{} as {}").format(as_text(of, types[of]) if of else sql.SQL("null::text"), sql.Identifier(name)) for name, of in sources.items()
        ]
        known = sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(sql.Literal(of) for of in sources.values() if of))
        columns += [
            sql.SQL("nullif((to_jsonb(t) - {})::text, '{{}}') as _rescued").format(known),
            sql.SQL("{} as _source_position").format(_position(contract, types)),
            sql.SQL("{} as _partition_date").format(sql.Literal(days.last) if relation.is_full else relation.day(self.read_at)),
        ]
        condition = sql.SQL("true") if relation.is_full else relation.within(days, self.read_at)
        query = sql.SQL("(select {} from {} where {}) as rows").format(sql.SQL(", ").join(columns), relation.source, condition)
        return query.as_string(self.connection)

    def _column_types(self, relation: Relation) -> dict[str, str]:
        query = sql.SQL(
            "select attname, format_type(atttypid, null) from pg_attribute where attrelid = to_regclass({}) and attnum > 0 and not attisdropped"
        ).format(sql.Literal(relation.name))
        found = dict(self._fetch(query))
        if not found:
            raise DataRejectedError(
                "GB-1233",
                "The source has no such table.",
                got=relation.name,
                valid="a table or view of the database",
                todo="Correct `relation` in the contract, or ask the owner.",
            )
        return found

    def _jdbc_options(self, query: str) -> dict[str, str]:
        snapshot = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{self.snapshot_id}'"
        start = f"SET TIME ZONE 'UTC'; SET statement_timeout={STATEMENT_MS}; {snapshot}"
        return jdbc_address(self.connection) | {
            "dbtable": query,
            "fetchsize": str(FETCH_ROWS),
            "sessionInitStatement": start,
            "connectTimeout": str(CONNECT_S),
            "socketTimeout": str(SOCKET_S),
        }

    def _fetch(self, query: sql.Composed) -> list[tuple[Any, ...]]:
        return list(self.connection.execute(query).fetchall())


@dataclass(frozen=True)
class Relation:
    """Where a table's rows lie in the database, and which columns say their business day."""

    name: str
    is_full: bool
    business_time: str | None = None
    fallback_time: str | None = None
    parent: str | None = None
    parent_key: str | None = None

    @classmethod
    def of(cls, contract: Contract) -> Relation:
        """Of a contract whose source is a database."""
        options = contract.source.options
        parent = options.get("parent") or {}
        return cls(
            options["relation"],
            options["mode"] == "full",
            options.get("business_time"),
            options.get("fallback_time"),
            parent.get("relation"),
            parent.get("on"),
        )

    @property
    def table(self) -> sql.Composable:
        """The quoted name."""
        return sql.Identifier(*self.name.split("."))

    @property
    def source(self) -> sql.Composable:
        """The FROM clause: the table as ``t``, its parent, if it has one, as ``p``."""
        if self.parent is None:
            return sql.SQL("{} as t").format(self.table)
        key = sql.Identifier(self.parent_key or "")
        return sql.SQL("{} as t left join {} as p on p.{} = t.{}").format(self.table, sql.Identifier(*self.parent.split(".")), key, key)

    @property
    def _business(self) -> sql.Composable:
        return sql.Identifier("p" if self.parent else "t", self.business_time or "")

    def _fallback(self, read_at: datetime) -> sql.Composable:
        if self.fallback_time is None:
            return sql.Literal(read_at - timedelta(days=1))  # the newest day that is over: the read's own is no day of the history yet
        own = sql.Identifier("t", self.fallback_time)
        return sql.SQL("coalesce({}, {})").format(sql.Identifier("p", self.fallback_time), own) if self.parent else own

    def day(self, read_at: datetime) -> sql.Composable:
        """UTC date of the business time if it is there and not after the read, else of the fallback, else the day before the read."""
        return sql.SQL("((case when {b} <= {read} then {b} else {f} end) at time zone 'UTC')::date").format(
            b=self._business, f=self._fallback(read_at), read=sql.Literal(read_at)
        )

    def within(self, days: DayRange, read_at: datetime) -> sql.Composable:
        """That the day lies in the range, written so that an index on either time serves."""
        bounds = {"lo": sql.Literal(f"{days.first} 00:00:00+00"), "hi": sql.Literal(f"{days.last + timedelta(days=1)} 00:00:00+00")}
        return sql.SQL(
            "(({b} <= {read} and {b} >= {lo}::timestamptz and {b} < {hi}::timestamptz)"
            " or (({b} is null or {b} > {read}) and {f} >= {lo}::timestamptz and {f} < {hi}::timestamptz))"
        ).format(b=self._business, f=self._fallback(read_at), read=sql.Literal(read_at), **bounds)


@contextmanager
def open_snapshot(dsn: str) -> Iterator[Snapshot]:
    """Open a read-only transaction and export its snapshot for as long as the block lasts.

    Raises:
        TransientError: GB-1230 the database does not answer.
        TerminalError: GB-1231 it refuses: password, user, database. The address is shown, the password never.
    """
    with _told(dsn), _connected(dsn) as connection:
        connection.execute(_NO_LIMITS)
        row = connection.execute("select pg_export_snapshot(), now()").fetchone()
        if row is None:
            raise TransientError("GB-1230", "The database gave no snapshot.", got="no row", todo="Try again.")
        yield Snapshot(connection, row[0], row[1], dsn)


@contextmanager
def _connected(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A read-only connection whose statements all see the same; what the DSN asks of the server stays asked."""
    asked = parse_dsn(dsn).get("options") or ""
    options = f"{asked} -c timezone=UTC -c statement_timeout={STATEMENT_MS}".strip()
    connection = psycopg.connect(dsn, connect_timeout=CONNECT_S, options=options)
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection
    finally:
        connection.close()


@contextmanager
def _told(dsn: str) -> Iterator[None]:
    """What PostgreSQL raises in the block, as one of our errors: a code, and whether to try again."""
    parameters = parse_dsn(dsn)
    try:
        yield
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as error:
        raise refused(error, parameters) from None
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        raise DataRejectedError(
            "GB-2008",
            "The database's tables are not such as the contract's source says.",
            got=str(error).splitlines()[0][:200],
            valid="the relation, its parent and their times as the contract names them",
            todo="See `globalbev drift`; ask the table's owner, or change the contract.",
        ) from None
    except psycopg.Error as error:
        raise not_carried_out(error) from None


def not_carried_out(error: psycopg.Error) -> TerminalError:
    """GB-1237: any other error of a database, by its kind alone, because its text may hold a value."""
    return TerminalError(
        "GB-1237",
        "The database could not carry out a statement.",
        got=f"{type(error).__name__} ({error.sqlstate or 'no state'})",
        valid="tables that can be read with the types that the contract says",
        todo="See the database's log; ask its owner.",
    )


def parse_dsn(dsn: str) -> dict[str, Any]:
    """The parts of a connection string; GB-1234 when it is none."""
    with suppress(psycopg.ProgrammingError):
        found = dict(conninfo_to_dict(dsn))
        if _is_an_address(found):
            return found
    raise TerminalError(
        "GB-1234",
        "That is no PostgreSQL connection string.",
        got="a text that does not parse (not shown: it may hold a password)",
        valid="postgresql://user:password@host:port/database; in a password @ is %40, / is %2F, : is %3A",
        todo="Correct GLOBALBEV_SHOP_DSN.",
    )


def _is_an_address(parameters: Mapping[str, Any]) -> bool:
    """Whether what libpq takes for host, port and database can be that: of a password with an @ or a slash it makes a part of them."""
    hosts = str(parameters.get("host", "")).split(",")
    ports = str(parameters.get("port", "")).split(",")
    return (
        all(_HOST.fullmatch(one) for one in hosts)
        and all(one.isdecimal() or not one for one in ports)
        and "@" not in str(parameters.get("dbname", ""))
    )


def refused(error: psycopg.Error, parameters: dict[str, Any]) -> TransientError | TerminalError:
    """The error of a database that does not answer or let us in: GB-1230, GB-1231; the address is shown, the password never."""
    where = f"{parameters.get('user', '?')}@{parameters.get('host', 'localhost')}:{parameters.get('port', 5432)}/{parameters.get('dbname', '?')}"
    text = str(error)
    refusals = ("password authentication failed", "no password supplied", "does not exist", "permission denied", "no pg_hba.conf entry")
    said = next((phrase for phrase in refusals if phrase in text), None)
    if said:
        return TerminalError(
            "GB-1231",
            "The database refuses the connection.",
            got=f"{where}: {said}",
            valid="a user that may log in and read",
            todo="Correct GLOBALBEV_SHOP_DSN.",
        )
    reason = type(error).__name__ if not text else text.splitlines()[0].split(": ")[-1][:120]
    return TransientError(
        "GB-1230",
        "The database does not answer.",
        got=f"{where}: {reason}",
        valid="a running PostgreSQL",
        todo="Start it (`globalbev sandbox up` for the embedded one) and run again.",
    )


def as_text(name: str, type_: str) -> sql.Composable:
    """A column as bronze keeps it: text, a time with its zone in UTC as ISO 8601."""
    column = sql.Identifier("t", name)
    if type_ == "timestamp with time zone":
        return sql.SQL("to_char({} at time zone 'UTC', {})").format(column, sql.Literal(_ISO))
    return sql.SQL("{}::text").format(column)


def _position(contract: Contract, types: Mapping[str, str]) -> sql.Composable:
    keys: Sequence[str] = contract.key or (contract.business_columns[0].name,)
    names = [contract.column(key).source_in(types) or key for key in keys]
    return sql.SQL("concat_ws('/', {})").format(sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in names))


def _check_essentials(contract: Contract, types: Mapping[str, str]) -> None:
    missing = [column.name for column in contract.business_columns if is_essential(contract, column) and column.source_in(types) is None]
    if missing:
        raise DataRejectedError(
            "GB-1232",
            f"{contract.source.options['relation']} lacks columns of the contract {contract.name}.",
            got=f"missing: {', '.join(missing)}; new: {', '.join(sorted(set(types) - {*contract.column_names})) or 'none'}",
            valid="its key, and the time that says the day",
            todo="See `globalbev drift`; ask the table's owner, or change the contract.",
        )
    times = {of: types[of] for column in contract.business_columns if is_time(contract, column) and (of := column.source_in(types))}
    wrong = {name: type_ for name, type_ in times.items() if source_family(type_) not in TIMES}
    if wrong:
        raise DataRejectedError(
            "GB-2007",
            "The column that says the business day is no time any more.",
            got=", ".join(f"{contract.source.options['relation']}.{name} is {type_}" for name, type_ in wrong.items()),
            valid="a date or a timestamp",
            todo="See `globalbev drift`; ask the table's owner.",
        )
