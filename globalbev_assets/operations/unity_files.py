"""``globalbev contract unity``: the scripts for Unity Catalog, printed, written to a folder, or compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from globalbev_assets.contracts.loader import load_contracts
from globalbev_assets.errors import TerminalError
from globalbev_assets.governance.scripts import HEAD, unity_scripts
from globalbev_assets.operations.output import console, print_json
from resources.settings import load_settings

if TYPE_CHECKING:
    from globalbev_assets.governance.masks import Enforcement


@dataclass(frozen=True)
class Wanted:
    """Which catalog is meant, how masks hang on its columns, and where its tables' files lie."""

    catalog: str
    enforcement: Enforcement
    lake: str | None


def unity_files(wanted: Wanted, folder: Path | None, *, is_check: bool, as_json: bool) -> None:
    """Make the scripts.

    Raises:
        TerminalError: GB-3203, when the folder was to be current and is not.
    """
    settings = load_settings()
    book = load_contracts(settings.contract_folders, cache=settings.home / "state" / "contracts.json")
    scripts = unity_scripts(book, wanted.catalog, wanted.enforcement, wanted.lake)
    changed, gone = differences(scripts, folder) if folder else (list(scripts), [])
    if is_check and (changed or gone):
        raise TerminalError(
            "GB-3203",
            "The scripts for Unity Catalog do not say what the contracts say.",
            got=", ".join([*changed, *(f"{name} (no longer made)" for name in gone)][:5]),
            valid=f"what `globalbev contract unity` makes, in {folder or 'a folder given by --out'}",
            todo="Run the same command without --check, and commit what it writes.",
        )
    if folder and not is_check:
        write(scripts, folder, changed, gone)
    if as_json:
        print_json({"catalog": wanted.catalog, "scripts": list(scripts), "changed": changed, "gone": gone})
    elif folder:
        console().print(f"{folder}: {len(scripts)} scripts, {len(changed)} {'differ' if is_check else 'written'}, {len(gone)} no longer made")
    else:
        console().print("".join(f"-- {name}\n{text}\n" for name, text in scripts.items()), end="", soft_wrap=True)


def differences(scripts: dict[str, str], folder: Path) -> tuple[list[str], list[str]]:
    """The scripts that the folder has not or has otherwise, and those that are no longer made; a file that we did not write is none of them."""
    changed = [name for name, text in scripts.items() if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text]
    ours = (path for path in folder.rglob("*.sql") if path.read_text(encoding="utf-8").startswith(HEAD))
    return changed, sorted({str(path.relative_to(folder)) for path in ours} - scripts.keys())


def write(scripts: dict[str, str], folder: Path, changed: list[str], gone: list[str]) -> None:
    """Bring the folder to what is made now; a table whose contract is gone loses its script, not its data."""
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(scripts[name], encoding="utf-8")
    for name in gone:
        (folder / name).unlink()
