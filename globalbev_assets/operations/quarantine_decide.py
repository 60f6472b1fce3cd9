"""Rows of quarantine given up by hand, or opened again: state, who, when and why are kept in the row; nothing is deleted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import TableName
from globalbev_assets.contracts.operations import quarantine_contract
from globalbev_assets.errors import TerminalError, TransientError
from globalbev_assets.operations.quarantine_read import QuarantinedRow, find
from resources.settings import Settings

LEASE_WAIT_S = 30.0
LONGEST_REASON = 500
Decision = Literal["discarded", "open"]
BEFORE: dict[Decision, str] = {"discarded": "open", "open": "discarded"}


@dataclass(frozen=True)
class Decided:
    """Rows by what the decision does to them."""

    decision: Decision
    changed: tuple[QuarantinedRow, ...]
    already: tuple[QuarantinedRow, ...]


def plan_decision(settings: Settings, book: ContractBook, contract: Contract, positions: Sequence[str], decision: Decision) -> Decided:
    """What would be changed.

    Raises:
        TerminalError: GB-2305 to GB-2307 for the positions, GB-2308 where a row is rejected no more.
    """
    rows = list({(row.source, row.source_position): row for row in find(settings.lake_root, contract, book, positions)}.values())
    replayed = [row.position for row in rows if row.state == "replayed"]
    if replayed:
        raise TerminalError(
            "GB-2308",
            "That row is rejected no more, so there is nothing to decide.",
            got=", ".join(replayed),
            valid="rows that are open or discarded",
            todo="`globalbev trace` says where it is now.",
        )
    changed = tuple(row for row in rows if row.state == BEFORE[decision])
    return Decided(decision, changed, tuple(row for row in rows if row.state != BEFORE[decision]))


def reason_of(text: str) -> str:
    """The reason on one line; GB-2309 when it says nothing or too much."""
    reason = " ".join(text.split())
    if reason and len(reason) <= LONGEST_REASON:
        return reason
    raise TerminalError(
        "GB-2309",
        "A decision needs a reason.",
        got=f"{len(reason)} characters",
        valid=f"1 to {LONGEST_REASON} characters",
        todo="Say in a sentence why, with --reason; no personal data.",
    )


def carry_out(settings: Settings, contract: Contract, decided: Decided, by: str, reason: str) -> Decided:
    """Write the decision, in the table's lease: a run that publishes writes the same quarantine.

    Gives back what was changed: a row that a run has judged anew since it was looked at is left as it is.

    Raises:
        TransientError: GB-1203, when a run holds the table for too long; GB-1240, when a run on a cluster was quicker.
    """
    if not decided.changed:
        return decided
    from resources.lease import Leases  # noqa: PLC0415

    def end_session(session: str) -> object:
        from resources.spark import interrupt_session  # noqa: PLC0415

        return interrupt_session(settings, session)

    leases = Leases(settings.home / "leases", end_session, wait_s=LEASE_WAIT_S)
    with leases.hold(contract.name, f"quarantine-{uuid.uuid4()}", "quarantine"):
        places = _write(settings, contract, decided, by, reason)
    return replace(decided, changed=tuple(row for row in decided.changed if (row.source, row.source_position) in places))


def _write(settings: Settings, contract: Contract, decided: Decided, by: str, reason: str) -> set[tuple[str, str]]:
    """Rewrite the quarantine with the decision in its rows; only rows that are still as they were when they were looked at.

    Rewritten whole, by Arrow and a batch at a time: a merge by deltalake leaves files whose texts Arrow reads as `string_view`, and every filter on
    them then fails.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415
    from deltalake import CommitProperties, DeltaTable, write_deltalake  # noqa: PLC0415
    from deltalake.exceptions import CommitFailedError, DeltaError  # noqa: PLC0415

    from partitions.days import now  # noqa: PLC0415
    from resources.delta_dataset import dataset_of  # noqa: PLC0415
    from resources.quarantine import add_missing_columns  # noqa: PLC0415

    name = TableName("quarantine", contract.table)
    path = f"{settings.lake_root}/{name.layer}/{name.table}"
    add_missing_columns(path, quarantine_contract(contract))
    table = DeltaTable(path)
    rows = dataset_of(table)
    places = {(row.source, row.source_position) for row in decided.changed}
    values = {"state": decided.decision, "decided_by": by, "decided_at": now(), "decision": reason}

    def meant(batch: pa.RecordBatch) -> list[tuple[str, str] | None]:
        """By row: its place, where the decision is about it."""
        listed = zip(*(batch[column].to_pylist() for column in ("source", "source_position", "state")), strict=True)
        return [(source, at) if (source, at) in places and state == BEFORE[decided.decision] else None for source, at, state in listed]

    def written(batch: pa.RecordBatch) -> pa.RecordBatch:
        is_meant = pa.array([place is not None for place in meant(batch)], pa.bool_())
        for column, value in values.items():
            at, field = batch.schema.get_field_index(column), batch.schema.field(column)
            batch = batch.set_column(at, field, pc.if_else(is_meant, pa.scalar(value, field.type), batch[column]))
        return batch

    changed = {place for batch in rows.to_batches(columns=["source", "source_position", "state"]) for place in meant(batch) if place}
    if not changed:
        return changed
    decision = pa.RecordBatchReader.from_batches(rows.schema, (written(batch) for batch in rows.to_batches()))
    said = json.dumps({"decision": decided.decision, "rows": len(changed), "by": by}, separators=(",", ":"))
    try:
        write_deltalake(table, decision, mode="overwrite", commit_properties=CommitProperties(custom_metadata={"userMetadata": said}))
    except CommitFailedError as error:
        raise TransientError(
            "GB-1240",
            "Another writer committed to the table at the same time.",
            got=str(name),
            valid="one writer at a time",
            todo="Run again: nothing was changed.",
        ) from error
    except (DeltaError, OSError) as error:
        raise TerminalError(
            "GB-2316",
            "The storage does not take the decision.",
            got=f"{type(error).__name__} while writing {name}",
            valid="a quarantine that this process may write",
            todo="Nothing was changed. In Azure the host may write below ops/ alone: docs/runbooks/quarantine.md has the statement for the warehouse.",
        ) from error
    return changed
