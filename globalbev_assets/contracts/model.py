"""What a contract says, parsed: the one description from which schema, rules, checks, drift baseline and documentation are compiled.

No PySpark, no Dagster. The YAML form is the Open Data Contract Standard 3.2; :mod:`globalbev_assets.contracts.loader` turns it into
these dataclasses.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from globalbev_assets.contracts.calendar import Calendar
from globalbev_assets.contracts.names import Layer, TableName

Kind = Literal["database", "file_feed", "json_api", "by_day", "by_key", "aggregate", "operations"]
RuleKind = Literal["not_null", "type", "accepted_values", "range", "pattern", "length", "reference", "expression"]
Action = Literal["quarantine", "warn"]
OnBadRecord = Literal["permissive", "fail_fast"]


@dataclass(frozen=True)
class Rule:
    """A rule on one row. ``id`` is what quarantine, ledger, checks and the data dictionary call it.

    ``passes_null`` says what the rule means for a NULL. ``expression`` (Spark SQL over the table's columns and the transform's helper columns,
    which start with ``_``) is true for a good row. ``pattern`` stands as the contract writes it and is about the whole value.
    """

    id: str
    kind: RuleKind
    action: Action
    column: str | None = None
    passes_null: bool = True
    expression: str | None = None
    values: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    pattern: str | None = None
    reference: TableName | None = None
    reference_column: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Limit:
    """A rule on the figures of a day. ``metric`` is one of the observed figures; a day outside ``minimum`` … ``maximum`` breaks it.

    Blocking limits hold the day back before it is published; the others warn.
    Metrics: ``rows_in``, ``published``, ``quarantined_ratio``, ``unaccounted``, ``duplicate_keys``, ``source_difference``,
    ``volume_ratio`` (rows over the median of the last eight same weekdays, judged from four on), ``null_ratio:<column>``, ``rule:<rule id>`` (rows),
    ``sum_difference:<column>`` (the table's sum less the source's; where the source is a database).
    """

    id: str
    metric: str
    blocking: bool
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    description: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    A silver column is the source column ``source`` (default: the same name), trimmed, cleaned by ``clean``, ``try_cast`` to ``type``; or ``logic``,
    an expression over the source's text columns and the transform's helper columns (leading ``_``); or ``derive``, an expression over
    the typed columns that stand before it and the helper columns. ``raw_of`` keeps the raw text of the column that it names where that one is
    NULL because its text was not readable; the transforms fill it from the helper ``_raw``. ``is_output`` (customProperty
    ``filledBy: output``) is NULL until the transform's output step, after the rules were judged; so no row rule is implied for it.
    """

    name: str
    type: str
    description: str = ""
    is_nullable: bool = True
    is_key: bool = False
    is_partition: bool = False
    classification: str = "internal"
    is_pii: bool = False
    mask: str | None = None
    source: str | None = None
    logic: str | None = None
    derive: str | None = None
    clean: str | None = None
    on_unreadable: Action = "quarantine"
    unreadable_rule: str | None = None
    lineage: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    raw_of: str | None = None
    is_output: bool = False
    source_type: str | None = None
    source_format: str | None = None
    may_be_absent: bool = False

    def source_in(self, names: Collection[str]) -> str | None:
        """The name under which a source that has these names holds the column; None when it has neither its name there nor its own."""
        return next((name for name in (self.source_name, self.name) if name in names), None)

    @property
    def source_name(self) -> str:
        """The source's column that this one is read from."""
        return self.source or self.name

    @property
    def is_cast(self) -> bool:
        """Whether the value is the source's text, cleaned and cast: no expression's and not filled in later."""
        return self.logic is None and self.derive is None and self.raw_of is None and not self.is_output


@dataclass(frozen=True)
class Source:
    """Where a table's rows come from.

    ``options`` have snake-case names (camel case in the YAML; closed lists in :mod:`globalbev_assets.contracts.sources`); by kind: database
    ``dsn, relation, mode (by_day|full), business_time, fallback_time (may be left out: rows without a usable business time then lie under the day
    before the read), parent {relation, on}``; file_feed ``feed, format, encodings, delimiters``;
    json_api ``url, token`` (names of the environment variables that hold them) and the fields of ``resources.api_feed.ApiFeed``;
    by_day, by_key ``table`` (the bronze table), ``expand`` (one row becomes several), ``collapse`` (several become one), ``dedupe``,
    ``row_key, group_key, version_by``, ``personal`` (fields of the source to mask in quarantine beside the contract's own).
    """

    kind: Kind
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """One table."""

    name: TableName
    version: str
    domain: str
    description: str
    owner: str
    columns: tuple[Column, ...]
    source: Source
    rules: tuple[Rule, ...] = ()
    limits: tuple[Limit, ...] = ()
    upstream: tuple[TableName, ...] = ()
    lookback_days: int = 0
    date_column: str | None = None
    due: str | None = None
    freshness_hours: int | None = None
    retention_days: int | None = None
    erasure: str | None = None
    on_bad_record: OnBadRecord = "permissive"
    business: str = ""
    path: str = ""
    team: str = ""
    limitations: str = ""
    has_change_feed: bool = False
    delivers: Calendar | None = None
    remind_after_hours: int | None = None

    @property
    def layer(self) -> Layer:
        """The layer of the table."""
        return self.name.layer

    @property
    def table(self) -> str:
        """The table's name without its layer."""
        return self.name.table

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Columns whose values are unique in the table."""
        return tuple(column.name for column in self.columns if column.is_key)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """All columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def business_columns(self) -> tuple[Column, ...]:
        """The columns without a leading underscore: what the content hash and a reader see."""
        return tuple(column for column in self.columns if not column.name.startswith("_"))

    @cached_property
    def partition_column(self) -> str | None:
        """The column by which the Delta table is partitioned, if it is."""
        return next((column.name for column in self.columns if column.is_partition), None)

    @cached_property
    def is_keyed(self) -> bool:
        """Whether publishing merges by key; otherwise it replaces days."""
        return self.source.kind == "by_key"

    @cached_property
    def is_snapshot(self) -> bool:
        """Whether the table shows one day as a whole, the newest, and is replaced whole."""
        return self.date_column is None and not self.is_keyed

    def column(self, name: str) -> Column:
        """The column of that name (KeyError when there is none)."""
        return next(column for column in self.columns if column.name == name)
