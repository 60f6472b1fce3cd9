"""Up, down, status: the sandbox as a user sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from globalbev_assets.errors import GlobalBevError, TerminalError, TransientError
from partitions.days import today

from . import others, services, shop
from .env_file import write_env
from .landing import count_files
from .layout import Layout
from .postgres import Postgres
from .state import Secrets, State, Status, load_secrets, load_state, save_secrets, save_state

DEFAULT_SEED = 20260101
SHOP_VARIABLE = others.SHOP
LOCK_S = 120.0
Progress = Callable[[str], None]


def up(  # noqa: PLR0913 (the public signature)
    home: Path,
    *,
    scale: int = 1,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
    env_file: Path | None = None,
    misbehave: float = 0.03,
    more: Mapping[str, str] | None = None,
) -> Status:
    """Make the sandbox where it is missing, and start what does not run. Doing it again changes nothing.

    A home, a settings file or an environment of another installation is refused before anything is made.

    Args:
        home: folder of all local state; the sandbox lies in ``<home>/sandbox``, its files in ``<home>/landing``.
        scale: how many times the real orders are multiplied; fixed at the making.
        seed: seed of all chance; fixed at the making.
        progress: called with one line for each step that takes a while.
        env_file: where the settings are written; the project's ``.env`` unless said otherwise.
        misbehave: share of the inventory API's answers that go wrong.
        more: further variables for the same file, of whoever reads the sources.

    Raises:
        TerminalError: GB-6001 to GB-6005, GB-6007, GB-6009 and GB-6010, when something is missing, does not start, or is not empty.
        TransientError: GB-6006, while another command changes the same sandbox.
    """
    tell = progress or _silent
    layout = Layout(home.resolve())
    refuse_others(home, env_file)
    with changing(layout):
        state = _begun(layout) or _begin(layout, scale, seed)
        _refuse_other(state, scale, seed)
        kept, before = load_secrets(layout), state
        state = services.start_shop(layout, state, kept)
        if state != before:
            save_state(layout, state)
        if not state.is_loaded:
            from .making import make, mark_of  # noqa: PLC0415

            dsn = services.shop_dsn(layout, state, kept)
            if state.shop == "external":
                _refuse_shop(dsn, begun_by=mark_of(layout))  # since it was begun, somebody else may have made one there
            state = make(layout, state, dsn, tell)
            save_state(layout, state)
        was_running = services.is_inventory_running(layout)
        state = services.start_inventory(layout, state, misbehave).with_(env_file=str(_env_file(env_file, state)))
        if state != before:
            save_state(layout, state)
        is_written = write_env(Path(state.env_file), settings(layout, state, kept) | dict(more or {}))
        return status_of(layout, changed=state != before or is_written or not was_running)


def refuse_others(home: Path, env_file: Path | None = None) -> None:
    """Refuse, before anything is made or started, a home, a settings file or an environment of another installation.

    Raises:
        TerminalError: GB-6010, with what is another's.
    """
    layout = Layout(home.resolve())
    if not layout.root.exists():  # nobody makes one at this moment, and who is refused gets no folder either
        others.refuse_others(layout, None, _env_file(env_file, None))
        return
    with changing(layout):  # what another command is about to land is the sandbox's own
        state = _begun(layout)
        others.refuse_others(layout, state, _env_file(env_file, state))


def down(home: Path) -> bool:
    """Stop the two servers, if this sandbox started them and they run. The data stays."""
    layout = Layout(home.resolve())
    if load_state(layout) is None:
        return False
    with changing(layout):
        return any([services.stop_inventory(layout), services.stop_shop(layout, load_secrets(layout))])


def remove(home: Path) -> None:
    """Stop it and delete the sandbox's own folder, the database included; landing zone and lake stay. For tests, and for a new start."""
    layout = Layout(home.resolve())
    down(home)
    Postgres(layout, "").remove()
    shutil.rmtree(layout.root, ignore_errors=True)


def status(home: Path) -> Status:
    """What runs, where, and what it holds."""
    return status_of(Layout(home.resolve()))


def settings(layout: Layout, state: State, kept: Secrets) -> dict[str, str]:
    """The variables that point the lakehouse at this sandbox.

    A file beside the project's ``.env`` says the lake too: whoever sources it would otherwise write into the one that ``.env`` names.
    """
    is_beside = Path(state.env_file) != services.PROJECT / ".env"
    lake = {others.LAKE: str(layout.lake)} if is_beside else {}
    return lake | {
        "GLOBALBEV_ENV": "local",
        "GLOBALBEV_HOME": str(layout.home),
        "GLOBALBEV_LANDING": str(layout.landing),
        SHOP_VARIABLE: services.shop_dsn(layout, state, kept),
        "GLOBALBEV_INVENTORY_URL": f"http://127.0.0.1:{state.inventory_port}",
        "GLOBALBEV_INVENTORY_TOKEN": kept.token,
        "GLOBALBEV_START_DATE": str(state.days.first),
        "DAGSTER_HOME": str(layout.home / "dagster"),
    }


def status_of(layout: Layout, *, changed: bool = False) -> Status:
    """The status of a layout."""
    state = load_state(layout)
    if state is None:
        return Status(layout.home, exists=False)
    kept = load_secrets(layout)
    is_shop_running, rows = services.is_shop_running(layout, state, kept), {}
    if is_shop_running and state.is_loaded:
        try:
            rows = shop.counts(services.shop_dsn(layout, state, kept))
        except GlobalBevError:
            is_shop_running = False
    return Status(
        home=layout.home,
        exists=state.is_loaded,
        shop=state.shop,
        is_shop_running=is_shop_running,
        is_inventory_running=services.is_inventory_running(layout),
        shop_port=state.shop_port or None,
        inventory_port=state.inventory_port or None,
        first_day=state.days.first,
        last_day=state.last,
        scale=state.scale,
        seed=state.seed,
        rows=rows,
        files=count_files(layout.landing),
        defects=_lines(layout.defects),
        changed=changed,
    )


@contextmanager
def changing(layout: Layout) -> Iterator[None]:
    """Hold the sandbox for one command at a time."""
    layout.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(layout.lock, timeout=LOCK_S)
    try:
        lock.acquire()
    except Timeout:
        raise TransientError(
            "GB-6006",
            "Another command is changing the sandbox.",
            got=f"a lock held for more than {LOCK_S:.0f} s",
            todo="Wait for it, then try again.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _begun(layout: Layout) -> State | None:
    """The remembered state. None also where the embedded server never came up: nothing was made, and a server may be named in its place (GB-6001)."""
    state = load_state(layout)
    return state if state and (state.is_loaded or state.shop_port or state.shop == "external") else None


def _begin(layout: Layout, scale: int, seed: int) -> State:
    """Fix the window and the kind of shop; a server that the user named must have no shop yet."""
    if scale < 1:
        raise TerminalError(
            "GB-6009", "The scale must be a whole number.", got=scale, valid="1 or more", todo="Leave --scale out for the ordinary size."
        )
    yesterday = today() - timedelta(days=1)
    state = State(seed=seed, scale=scale, made_last=yesterday, last=yesterday)
    Postgres(layout, "").remove()
    named = os.environ.get(SHOP_VARIABLE, "")
    if named:
        _refuse_shop(named)
        state = state.with_(shop="external")
        kept = load_secrets(layout)
        save_secrets(layout, Secrets(kept.password, kept.token, named))
    save_state(layout, state)
    return state


def _refuse_shop(dsn: str, *, begun_by: str | None = None) -> None:
    """Take no database with a schema ``shop``, which the making would drop, but that of this sandbox's own making that was interrupted."""
    found = shop.mark(dsn)
    if found is None or found == begun_by:
        return
    raise TerminalError(
        "GB-6004",
        "The named PostgreSQL has a shop already.",
        got="a schema shop",
        valid="a database without it",
        todo=f"Name another database, or unset {SHOP_VARIABLE} for the embedded server.",
    )


def _env_file(given: Path | None, state: State | None) -> Path:
    """Where the settings are written: as said now, as said before, or the project's."""
    return given or Path((state and state.env_file) or services.PROJECT / ".env")


def _refuse_other(state: State, scale: int, seed: int) -> None:
    if scale in (1, state.scale) and seed in (DEFAULT_SEED, state.seed):
        return
    raise TerminalError(
        "GB-6007",
        "The sandbox was made with another scale or seed.",
        got=f"scale {scale}, seed {seed}",
        valid=f"scale {state.scale}, seed {state.seed}",
        todo="Leave them out, or make another one in another home: `--home <folder>`.",
    )


def _lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def _silent(_: str) -> None:
    """Say nothing."""
