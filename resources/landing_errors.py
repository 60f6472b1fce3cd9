"""The errors of the landing zone, GB-1320 to GB-1323, in one place. A file that cannot be read is none of them: it is dead."""

from __future__ import annotations

from pathlib import Path

from globalbev_assets.errors import TerminalError, TransientError


def no_landing(got: str) -> TerminalError:
    """GB-1320: the landing zone is missing, or no folder, or a feed's folder leads out of it."""
    todo = "Correct GLOBALBEV_LANDING, or run `globalbev sandbox up` for the embedded sources."
    return TerminalError("GB-1320", "The landing zone cannot be read.", got=got, valid="a folder that holds a folder for each feed", todo=todo)


def unreadable(error: OSError, folder: Path) -> TransientError:
    """GB-1321: the disk, the mount or our rights do not let us."""
    got = f"{error.strerror or type(error).__name__} at {error.filename or folder}"
    valid = "files and folders that we may read, and a dead-letter folder that we may write"
    return TransientError("GB-1321", "A delivered file cannot be read or kept.", got=got, valid=valid, todo="Check rights, disk and mount.")


def deadletter_inside(deadletter: Path) -> TerminalError:
    """GB-1322: we would write into what belongs to others."""
    valid = "a folder outside of it"
    return TerminalError(
        "GB-1322", "The dead-letter folder lies in the landing zone.", got=str(deadletter), valid=valid, todo="Set GLOBALBEV_HOME elsewhere."
    )


def malformed_name(name: str) -> TerminalError:
    """GB-1323: a feed's name that could lead to another folder."""
    valid = "letters, digits, _ and -"
    return TerminalError("GB-1323", "A file feed's name is malformed.", got=repr(name)[:100], valid=valid, todo="Correct the feed's contract.")
