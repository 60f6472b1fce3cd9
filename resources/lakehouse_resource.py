"""What an asset asks for: a step of its run in the lake of this environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import lru_cache

import dagster as dg

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import load_contracts
from resources.lakehouse import Lakehouse
from resources.lease import Leases, NoLeases
from resources.ledger import Ledger
from resources.places import is_local
from resources.publishing import Publisher
from resources.settings import Settings, load_settings
from resources.spark import close_session, interrupt_session, open_session
from resources.spark_profile import SMALL_DAYS, SMALL_ROWS, Pool
from resources.steps import Step
from resources.upload import prove_upload


@lru_cache(maxsize=1)
def book_of(settings: Settings) -> ContractBook:
    """The contracts of this installation, read once a process."""
    return load_contracts(settings.contract_folders, cache=settings.home / "state" / "contracts.json")


@contextmanager
def open_step(settings: Settings, run_id: str, days: Sequence[date], pool: Pool = "live") -> Iterator[Step]:
    """A step with a Spark session of its own, which ends with it; on the local server it can be forked, and tables go side by side."""
    leases = leases_of(settings)
    is_small = len(days) <= SMALL_DAYS or are_few_rows(settings, days)
    with _open_lake(settings, pool, is_small=is_small) as lake:

        @contextmanager
        def fork(step: Step) -> Iterator[Step]:
            with _open_lake(settings, pool, is_small=is_small) as other:
                yield replace(step, lake=other, publisher=Publisher(other, leases, run_id))

        yield Step(lake, Publisher(lake, leases, run_id), list(days), fork=fork if settings.spark == "server" else None)


def are_few_rows(settings: Settings, days: Sequence[date]) -> bool:
    """Whether the ledger knows what came from the sources on these days, and it was little."""
    if not is_local(settings.lake_root):
        return False
    bronze = [str(contract.name) for contract in book_of(settings).values() if contract.layer == "bronze"]
    wanted = set(days)
    came = sum(row.rows_in for (_, day), row in Ledger(settings.lake_root).latest(bronze, min(days)).items() if day in wanted)
    return 0 < came <= SMALL_ROWS


def leases_of(settings: Settings) -> Leases | NoLeases:
    """The leases of a lake in a folder. On object stores Delta's own commit protocol lets one writer win, and clusters share no file system."""
    if not is_local(settings.lake_root):
        return NoLeases()
    return Leases(settings.home / "leases", lambda session: interrupt_session(settings, session))


@contextmanager
def _open_lake(settings: Settings, pool: Pool, *, is_small: bool) -> Iterator[Lakehouse]:
    lake = Lakehouse(settings, book_of(settings), lambda: open_session(settings, pool=pool, is_small=is_small))
    try:
        yield lake
    finally:
        if "spark" in vars(lake):
            close_session(lake.spark)


class LakehouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lakehouse of this environment. Holds no settings in a run's configuration: they are read where the step runs."""

    @property
    def settings(self) -> Settings:
        """The settings of the process that runs the step."""
        return load_settings()

    @property
    def tells_by_events(self) -> bool:
        """Whether the checks run where the lake cannot be read, so that events carry what the ledger says."""
        return self.settings.env != "local"

    @property
    def is_on_cluster(self) -> bool:
        """Whether this is the process of a step that was sent to a cluster."""
        return self.settings.env != "local" and self.settings.spark == "cluster"

    def lake(self) -> Lakehouse:
        """The lake for those who read its ledger; Spark starts only if they ask for it."""
        settings = self.settings
        return Lakehouse(settings, book_of(settings), lambda: open_session(settings))

    @contextmanager
    def step(self, run_id: str, days: Sequence[date], *, is_backfill: bool) -> Iterator[Step]:
        """See :func:`open_step`; a backfill's jobs weigh a third of a live run's."""
        if self.is_on_cluster:
            prove_upload()
        with open_step(self.settings, run_id, days, "backfill" if is_backfill else "live") as step:
            yield step
