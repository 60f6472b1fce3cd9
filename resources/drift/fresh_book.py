"""The contracts as they are on disk now: a code server lives for days, and a patch that was applied must be seen by the next tick."""

from __future__ import annotations

from pathlib import Path

from globalbev_assets.contracts.book import ContractBook
from globalbev_assets.contracts.loader import PACKAGED, PATTERN, load_contracts
from globalbev_assets.errors import GlobalBevError
from resources.settings import Settings

Stamps = tuple[tuple[str, int, int], ...]


class FreshBook:
    """The contracts, read again when a file of theirs changed; while they cannot be read, those from before."""

    def __init__(self, settings: Settings, book: ContractBook) -> None:
        """Take the contracts that were loaded with the definitions."""
        self._settings, self._book = settings, book
        self._stamps = self._files()

    def current(self) -> tuple[ContractBook, str]:
        """The contracts, and what is wrong with those on disk, if they cannot be used."""
        stamps = self._files()
        if stamps == self._stamps:
            return self._book, ""
        try:
            self._book = load_contracts(self._settings.contract_folders, cache=self._settings.home / "state" / "contracts.json")
        except GlobalBevError as error:
            return self._book, f"The contracts on disk cannot be used, those from before are ({error.code} {error.what})"
        self._stamps = stamps
        return self._book, ""

    def _files(self) -> Stamps:
        found = []
        for path in (path for root in (PACKAGED, *self._settings.contract_folders) for path in Path(root).rglob(PATTERN)):
            try:
                facts = path.stat()
            except OSError:
                continue
            found.append((str(path), facts.st_mtime_ns, facts.st_size))
        return tuple(sorted(found))
