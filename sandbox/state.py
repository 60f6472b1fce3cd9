"""What the sandbox remembers between two commands, and what it tells about itself."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from partitions.days import DayRange

from .layout import Layout
from .window import Window, window_ending

ShopKind = Literal["embedded", "external"]


@dataclass(frozen=True, slots=True)
class State:
    """The sandbox's memory: fixed at its making, but for the last day, the ids and the ports."""

    seed: int
    scale: int
    made_last: date
    last: date
    shop: ShopKind = "embedded"
    shop_port: int = 0
    inventory_port: int = 0
    next_order_id: int = 1_000_001
    next_payment_id: int = 5_000_001
    is_loaded: bool = False
    env_file: str = ""

    @property
    def window(self) -> Window:
        """The 181 days that it was made with."""
        return window_ending(self.made_last)

    @property
    def days(self) -> DayRange:
        """All days that have happened, those of ``advance`` included."""
        return DayRange(self.window.days.first, self.last)

    def with_(self, **changes: Any) -> State:
        """A copy with so many fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The shop's password, the inventory API's token, and the DSN of a shop that the user named."""

    password: str = field(repr=False)
    token: str = field(repr=False)
    external_dsn: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """What runs, where, and what it holds."""

    home: Path
    exists: bool
    shop: ShopKind = "embedded"
    is_shop_running: bool = False
    is_inventory_running: bool = False
    shop_port: int | None = None
    inventory_port: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    scale: int = 1
    seed: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    defects: int = 0
    changed: bool = False

    @property
    def is_up(self) -> bool:
        """Whether both services answer."""
        return self.exists and self.is_shop_running and self.is_inventory_running

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {**asdict(self), "home": str(self.home), "first_day": _text(self.first_day), "last_day": _text(self.last_day), "is_up": self.is_up}


def load_state(layout: Layout) -> State | None:
    """The remembered state, or none when there is no sandbox."""
    if not layout.state.is_file():
        return None
    stored = json.loads(layout.state.read_text())
    return State(**{**stored, "made_last": date.fromisoformat(stored["made_last"]), "last": date.fromisoformat(stored["last"])})


def save_state(layout: Layout, state: State) -> None:
    """Remember; a reader sees the old or the new state, never half of one."""
    text = json.dumps({**asdict(state), "made_last": str(state.made_last), "last": str(state.last)}, indent=2)
    replace_file(layout.state, text + "\n", mode=0o644)


def load_secrets(layout: Layout) -> Secrets:
    """The password and token, made on first use."""
    if not layout.secrets.is_file():
        save_secrets(layout, Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(32)))
    return Secrets(**json.loads(layout.secrets.read_text()))


def save_secrets(layout: Layout, kept: Secrets) -> None:
    """Write them down for nobody else to read."""
    replace_file(layout.secrets, json.dumps(asdict(kept)), mode=0o600)


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Write a small file atomically, with its mode from the first byte on."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    staged.replace(path)


def _text(day: date | None) -> str | None:
    return str(day) if day else None
