"""What a command says and returns when it fails: one clear message on stderr, an exit code that a script can tell apart.

The codes are those of ``sysexits.h`` where it has one: 2 will fail again the same way, 75 is worth another try, 65 is about the data, 70 is a
mistake of ours, 130 is Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from globalbev_assets.errors import DataRejectedError, GlobalBevError, TransientError

TERMINAL, TRANSIENT, REJECTED, UNEXPECTED, INTERRUPTED = 2, 75, 65, 70, 130


def code_of(error: BaseException) -> int:
    """The exit code of what was raised."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if not isinstance(error, GlobalBevError):
        return UNEXPECTED
    return {TransientError: TRANSIENT, DataRejectedError: REJECTED}.get(_kind(error), TERMINAL)


def guarded(call: Callable[[], object], *, is_verbose: bool = False, passed: tuple[type[BaseException], ...] = ()) -> int | None:
    """Run a command; None when it went well, else its message is on stderr and this is the exit code. ``passed``: what the caller sees to itself."""
    try:
        call()
    except passed:
        raise
    except GlobalBevError as error:
        say(without_secrets(str(error)))
        return code_of(error)
    except KeyboardInterrupt as error:
        say("Interrupted. What was published stays; the same command goes on from there.")
        return code_of(error)
    except BrokenPipeError:  # `globalbev sql … | head`: nobody reads on, and that is no mistake
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  the last place: a traceback is for the log, not for a person
        say(_unexpected(error, is_verbose=is_verbose))
        return code_of(error)
    return None


def say(text: str) -> None:
    """A message on stderr, as it stands: errors are not decorated."""
    sys.stderr.write(text.rstrip() + "\n")


def _kind(error: GlobalBevError) -> type[GlobalBevError]:
    return next((kind for kind in (TransientError, DataRejectedError) if isinstance(error, kind)), GlobalBevError)


def _unexpected(error: Exception, *, is_verbose: bool) -> str:
    trace = without_secrets("".join(traceback.format_exception(error)))
    place = traceback.extract_tb(error.__traceback__)[-1]
    line = f"Unexpected {type(error).__name__} in {Path(place.filename).name}:{place.lineno}. The whole story: {_write(trace)}"
    return f"{trace}{line}" if is_verbose or os.environ.get("GLOBALBEV_DEBUG") == "1" else line


def without_secrets(text: str) -> str:
    """The text without secrets and personal data, those of this installation and what looks like one."""
    from resources.logs.redaction import REDACTOR, secrets_of_environment  # noqa: PLC0415  only a command that fails needs it

    REDACTOR.learn(secrets_of_environment())
    return REDACTOR.text(text)


def _write(trace: str) -> Path:
    """Keep the traceback where only its owner reads it; a home that cannot be written is no reason to lose it."""
    from partitions.days import now  # noqa: PLC0415

    home = Path(__file__).resolve().parents[2] / (
        os.environ.get("GLOBALBEV_HOME") or ".globalbev"
    )  # as the settings take it, which may be what failed
    temporary = Path(tempfile.gettempdir()) / f"globalbev-errors-{os.getuid()}.log"
    for path in (home / "logs" / "globalbev-errors.log", temporary):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "a", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{now().isoformat(timespec='seconds')} globalbev {' '.join(sys.argv[1:2])}\n{trace}\n")
        except OSError:
            continue
        return path
    return Path("nowhere, for no folder could be written")
