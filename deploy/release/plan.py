"""What a release does, forwards or back, in which order: made from the contracts and the arguments, executed against two ports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

from globalbev_assets.contracts.model import Contract
from globalbev_assets.contracts.names import Layer, TableName

# The daemon is stopped first, so that nothing starts a run on the old code; it is the last that comes back.
APPS = ("code", "web", "daemon")
# It looks at them from outside: not waited for, so that none of them waits for it.
WATCHER = "heartbeat"
# Bronze is what arrived: the new code added to it, and nothing of that is wrong. The ledger goes back with the tables that it speaks of.
RESTORED: tuple[Layer, ...] = ("silver", "gold", "quarantine", "ops")
# What is promised of a rollback; whatever takes longer is waited for all the same, because half of it would be worse.
DEADLINE_S = 300.0
GIVE_UP_S = 900.0
# The warehouse takes ten statements at once, and others use it too.
AT_ONCE = 8
Restored = Literal["restored", "unchanged", "younger"]


class Platform(Protocol):
    """Where the apps run."""

    def stop(self, app: str) -> None:
        """End the app's container and start no other."""

    def is_gone(self, app: str) -> bool:
        """Whether no container of a stopped app is left: one that is told to end lets its runs end first, for minutes."""

    def start(self, app: str, image: str) -> None:
        """Run the app with that image, whatever ran before."""

    def is_ready(self, app: str, image: str) -> bool:
        """Whether that image answers."""

    def previous_image(self, app: str) -> str:
        """The image that ran before the present one."""


class Lake(Protocol):
    """Where the tables lie."""

    def wake(self) -> None:
        """Begin to start what restores, and return at once: a warehouse that sleeps takes minutes, which the steps before a restore can fill."""

    def stop_writers(self) -> int:
        """End every step that still writes, wherever it runs, and say how many there were: it would publish after the restore."""

    def restore(self, name: TableName, moment: datetime) -> Restored:
        """Bring a table to what it was; ``younger``: it was not there yet, and stays as it is."""


@dataclass(frozen=True)
class Plan:
    """A release: the image, and the tables with the time to which they go back, if they do."""

    environment: str
    image: str
    tables: tuple[TableName, ...] = ()
    moment: datetime | None = None

    def lines(self) -> Iterator[str]:
        """The plan for a person."""
        stopped = "wake the warehouse, stop daemon, stop code, cancel steps under way" if self.moment else "stop daemon"
        yield f"{self.environment}: {stopped}; {', '.join(f'start {app}' for app in (*APPS, WATCHER))} with {self.image}"
        if self.moment:
            yield f"{len(self.tables)} tables to {self.moment.isoformat()}: {', '.join(map(str, self.tables))}"


@dataclass(frozen=True)
class Done:
    """What one step did and for how long."""

    step: str
    outcome: str
    duration_s: float


def plan_of(environment: str, image: str, contracts: Iterable[Contract], moment: datetime | None) -> Plan:
    """The plan; without a moment the data stays as it is."""
    tables = tuple(contract.name for contract in contracts if contract.layer in RESTORED) if moment else ()
    return Plan(environment, image, tables, moment)


def execute(plan: Plan, platform: Platform, lake: Lake, wait: Callable[[float], None] = time.sleep) -> list[Done]:
    """Do it: no new runs; where tables go back, the warehouse woken and no writer; then tables and code side by side, the daemon, then what watches them.

    Raises:
        TimeoutError: when an app is not ready, or the old code not gone, for too long; what was done stays done.
        SystemExit: of a table that does not go back, once everything else is done and the daemon is back.
    """
    started = time.monotonic()
    done = [_timed("wake the warehouse", lake.wake)] if plan.moment else []
    done.append(_timed("stop daemon", partial(platform.stop, "daemon")))
    if plan.moment:
        done += [
            _timed("stop code", partial(platform.stop, "code")),
            _timed("cancel steps under way", partial(_silence, platform, lake, started, wait)),
        ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        restored = [pool.submit(_restored, lake, name, plan.moment) for name in plan.tables if plan.moment]
        done += [_timed(f"start {app}", partial(_start, platform, app, plan.image, started, wait)) for app in APPS[:-1]]
        wait_for(restored)
    done.append(_timed("start daemon", partial(_start, platform, APPS[-1], plan.image, started, wait)))
    done.append(_timed(f"start {WATCHER}", partial(platform.start, WATCHER, plan.image)))
    return [*done[:-2], *(one.result() for one in restored), *done[-2:]]


def _silence(platform: Platform, lake: Lake, started: float, wait: Callable[[float], None]) -> str:
    """Cancel steps until nobody is left who could submit one: the runs of the old code go on for as long as they have any."""
    cancelled = lake.stop_writers()
    while not platform.is_gone("code"):
        if time.monotonic() - started > GIVE_UP_S:
            raise TimeoutError(f"the old code is not gone after {GIVE_UP_S:.0f} s; no table was touched: look at its runs, then start again")
        wait(2)
        cancelled += lake.stop_writers()
    return f"{cancelled + lake.stop_writers()} cancelled"


def _restored(lake: Lake, name: TableName, moment: datetime) -> Done:
    return _timed(str(name), partial(lake.restore, name, moment))


def _start(platform: Platform, app: str, image: str, started: float, wait: Callable[[float], None]) -> None:
    platform.start(app, image)
    while not platform.is_ready(app, image):
        if time.monotonic() - started > GIVE_UP_S:
            raise TimeoutError(f"{app} is not ready with {image} after {GIVE_UP_S:.0f} s; look at its log, the steps before are done")
        wait(2)


def _timed(step: str, work: Callable[[], object]) -> Done:
    begun = time.monotonic()
    outcome = work()
    return Done(step, str(outcome or "done"), time.monotonic() - begun)
