"""Where the sandbox keeps its things inside ``<home>``; nothing else knows these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FEEDS = ("crm_contacts", "market_panel", "product_nutrition")
"""The folders of the landing zone that it fills, and replaces when it is made."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of the sandbox of one home."""

    home: Path

    @property
    def root(self) -> Path:
        """The sandbox's own folder."""
        return self.home / "sandbox"

    @property
    def landing(self) -> Path:
        """The landing zone, where other systems drop files."""
        return self.home / "landing"

    @property
    def lake(self) -> Path:
        """The lake of whoever reads the sandbox: not its own, but it lies in the home unless somebody says otherwise."""
        return self.home / "lake"

    @property
    def state(self) -> Path:
        """Window, seed, ports: fixed when the sandbox is made."""
        return self.root / "sandbox.json"

    @property
    def secrets(self) -> Path:
        """The password and the token, mode 0600."""
        return self.root / "secrets.json"

    @property
    def defects(self) -> Path:
        """The defect ledger."""
        return self.root / "defects.jsonl"

    @property
    def identities(self) -> Path:
        """The truth about who is who in the shop and in the CRM."""
        return self.root / "identities.jsonl"

    @property
    def api_defects(self) -> Path:
        """What the inventory API did wrong, as it happened."""
        return self.root / "api_defects.jsonl"

    @property
    def inventory(self) -> Path:
        """What the warehouses stock: the API's only input."""
        return self.root / "inventory.json"

    @property
    def lock(self) -> Path:
        """Held while the sandbox is changed."""
        return self.root / "sandbox.lock"

    def pid(self, service: str) -> Path:
        """The pid file of a service."""
        return self.root / f"{service}.pid.json"

    def log(self, service: str) -> Path:
        """The log of a service."""
        return self.root / f"{service}.log"
