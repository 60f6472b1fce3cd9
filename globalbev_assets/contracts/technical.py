"""The columns that every table of a layer has and no contract writes down: where a row came from and which run brought it."""

from __future__ import annotations

from globalbev_assets.contracts.model import Column
from globalbev_assets.contracts.names import Layer

_PARTITION = Column("_partition_date", "date", "Day under which Bronze stores the row.")
_SOURCE = Column("_source", "string", "File or query that the row came from.")
_POSITION = Column("_source_position", "string", "Record number in the file, or key of the database row.")
_RUN = Column("_run_id", "string", "Run that wrote the row.")

TECHNICAL: dict[Layer, tuple[Column, ...]] = {
    "bronze": (
        _PARTITION,
        _SOURCE,
        _POSITION,
        Column("_ingested_at", "timestamp", "When the row was read."),
        _RUN,
        Column("_rescued", "string", "JSON of the fields that the contract does not know."),
    ),
    "silver": (
        _PARTITION,
        _SOURCE,
        _POSITION,
        Column("_version", "string", "What decides which of two versions of a row is the newer one."),
        Column("_warnings", "array<string>", "Rules that the row breaks and is published all the same."),
        _RUN,
    ),
    "gold": (_RUN,),
}


def technical_columns(layer: Layer) -> tuple[Column, ...]:
    """The technical columns of a layer, in the order in which they follow the contract's own."""
    return TECHNICAL.get(layer, ())
