"""``globalbev heartbeat``: is Dagster itself silent? For cron or a timer, outside of Dagster, so that somebody says so when nothing else can."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globalbev_assets.errors import GlobalBevError
from globalbev_assets.operations.heartbeat_judgement import Sign, Verdict, judge, told
from globalbev_assets.operations.heartbeat_notice import Notice, Notifier, notifiers, tell
from globalbev_assets.operations.heartbeat_signs import PROBE_S, signs_of_storage, signs_of_ui
from globalbev_assets.operations.heartbeat_state import MemoryFile
from partitions.days import now
from resources.logs.events import emit
from resources.settings import Settings

RUNBOOK = "docs/runbooks/dagster-silent.md"


@dataclass(frozen=True)
class Heartbeat:
    """What one look came to, and whether the message about it was sent."""

    verdict: Verdict
    problems: tuple[str, ...]
    signs: tuple[Sign, ...]

    @property
    def exit_code(self) -> int:
        """0 alive, 1 silent; 75 when it is back and not everybody could be told."""
        return 1 if self.verdict.is_silent else 75 if self.problems else 0


def look(settings: Settings, silence_s: float, *, to: Sequence[Notifier] | None = None, with_ui: bool = True, within_s: float = PROBE_S) -> Heartbeat:
    """Look once, tell who is to be told, and remember it. A message that could not be sent to anybody is sent by the next look."""
    memory_file = MemoryFile(settings.home)
    with memory_file.held():
        memory, at = memory_file.read(), now()
        signs = _signs(settings, at.timestamp(), with_ui=with_ui, within_s=within_s)
        verdict = judge(signs, memory, at.timestamp(), silence_s)
        problems: list[str] = []
        remembered = verdict.memory
        if verdict.notice:
            receivers = notifiers(settings) if to is None else to
            problems = tell(notice_of(settings, verdict), receivers)
            if len(problems) < len(receivers):
                remembered = told(remembered, verdict.notice, verdict.names)
        _log(verdict, signs, at.timestamp())
        memory_file.write(remembered)
    return Heartbeat(verdict, tuple(problems), tuple(signs))


def looks(settings: Settings, silence_s: float, every_s: float, *, with_ui: bool = True) -> Iterator[Heartbeat | GlobalBevError | OSError]:
    """Look for ever, so often; what a look cannot do is no reason to look no more."""
    while True:
        began = time.monotonic()
        try:
            yield look(settings, silence_s, with_ui=with_ui)
        except (GlobalBevError, OSError) as error:
            yield error
        time.sleep(max(0.0, every_s - (time.monotonic() - began)))


def notice_of(settings: Settings, verdict: Verdict) -> Notice:
    """What is said: what is silent and since when, where, and what to do; or that it is over."""
    at = now()
    where = f"Installation: {settings.env}, {settings.home}"
    minutes = (at.timestamp() - (verdict.silent_since or at.timestamp())) / 60
    if verdict.notice == "back":
        return Notice("back", "GlobalBev: Dagster works again", f"It was silent for {minutes:.0f} min.\n{where}", at)
    lines = [
        *(f"- {reason}" for reason in verdict.reasons),
        "",
        where,
        "Until this is mended, what is named does nothing: runs that do not start, sensors that do not look, alerts that are not sent.",
    ]
    lines += ["Next: `globalbev doctor`, then " + RUNBOOK]
    return Notice("silent", f"GlobalBev: Dagster is silent for {minutes:.0f} min", "\n".join(lines), at)


def as_document(heartbeat: Heartbeat) -> dict[str, Any]:
    """The look for a program."""
    verdict = heartbeat.verdict
    return {
        "silent": verdict.is_silent,
        "reasons": list(verdict.reasons),
        "silent_since": verdict.silent_since if verdict.is_silent else None,
        "notice": verdict.notice,
        "not_sent": list(heartbeat.problems),
        "signs": [{"name": sign.name, "good_at": sign.good_at, "what": sign.what} for sign in heartbeat.signs],
    }


def dagster_home(settings: Settings) -> Path:
    """Where the instance lies."""
    return Path(os.environ.get("DAGSTER_HOME") or settings.home.absolute() / "dagster")


def _signs(settings: Settings, at: float, *, with_ui: bool, within_s: float) -> list[Sign]:
    """Side by side: a timer that looks each minute has no time for two time-outs."""
    with ThreadPoolExecutor(2) as pool:
        storage = pool.submit(lambda: list(signs_of_storage(dagster_home(settings), at, within_s)))
        ui = pool.submit(lambda: list(signs_of_ui(settings.dagster_url, at)) if with_ui else [])
        return [*storage.result(), *ui.result()]


def _log(verdict: Verdict, signs: Sequence[Sign], at: float) -> None:
    """Each look is an event: whoever watches from outside sees by the newest how it stands, and by their absence that nobody looks."""
    silent_s = at - (verdict.silent_since or at)
    if verdict.is_silent:
        emit("heartbeat.silent", reasons=list(verdict.reasons), silent_s=silent_s)
    elif verdict.notice == "back":
        emit("heartbeat.back", silent_s=silent_s)
    else:
        emit("heartbeat.looked", signs=len(signs))
