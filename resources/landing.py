"""The landing zone: which delivered files may be read, which wait, came twice, were replaced, or are dead.

The zone belongs to others and is never written. The verdict hangs on its content alone, never on the days that somebody
asks for: a day alone and the same day inside a range are read from the same files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from resources.dead_letter import bury
from resources.file_feed import Deliveries, DuplicateFile, FileFeed, ReadyFile, WaitingFile
from resources.landing_cache import LandingCache
from resources.landing_errors import deadletter_inside, unreadable
from resources.landing_inspect import FileChangedError, Inspection, hash_only, inspect
from resources.landing_walk import QUIET_S, Candidate, candidates, checked_folder

Identity = tuple[str, str]
"""The hash of a file's bytes and, of one without records, its name."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A complete file and the verdict on its bytes."""

    candidate: Candidate
    verdict: Inspection


def list_deliveries(root: Path, feed: FileFeed, *, now: datetime, deadletter: Path | None, state: Path | None) -> Deliveries:
    """All files of a feed, each with its state.

    Args:
        root: the landing zone.
        feed: the feed.
        now: the time, aware; a file without ``.done`` is complete when it has been left alone for 30 s.
        deadletter: where dead files are kept; None: nowhere.
        state: ``<home>/state``, where inspections are kept; None: nowhere.

    Raises:
        TerminalError: GB-1320 the landing zone is missing or no folder, GB-1322 the dead-letter folder lies in it, GB-1323 malformed feed.
        TransientError: GB-1321 a file or folder cannot be read, or the dead-letter folder not written.
    """
    if deadletter is not None and deadletter.resolve().is_relative_to(root.resolve()):
        raise deadletter_inside(deadletter)
    folder = checked_folder(root, feed)
    if folder is None:
        return Deliveries()
    try:
        cache = LandingCache(state, feed)
        waiting, judged = _judge_all(candidates(folder, feed), feed, cache, now)
        dead = tuple(bury(one.candidate, one.verdict, feed, deadletter, now) for one in judged if one.verdict.reason)
    except OSError as error:
        raise unreadable(error, folder) from error
    cache.save()
    ready, duplicates = decide((one for one in judged if not one.verdict.reason), feed)
    return Deliveries(ready, tuple(waiting), duplicates, dead)


def _judge_all(found: Iterable[Candidate], feed: FileFeed, cache: LandingCache, now: datetime) -> tuple[list[WaitingFile], list[Judged]]:
    waiting, judged = [], []
    for one in found:
        message = _waits_for(one, now)
        if not message:
            try:
                judged.append(Judged(one, _verdict(one, feed, cache)))
                continue
            except FileNotFoundError:  # taken away since the folder was listed: it is not there
                continue
            except FileChangedError:
                message = "it was written to while it was read"
        waiting.append(WaitingFile(one.path, feed.name, one.day, one.name, one.size_bytes, message))
    return waiting, judged


def _waits_for(one: Candidate, now: datetime) -> str:
    """What a file waits for; empty when it is complete."""
    if one.is_in_transfer:
        return "its name is that of a file in transfer"
    if one.is_regular and not one.is_marked and now.timestamp() - one.mtime_ns / 1e9 < QUIET_S:
        return f"no {one.name}.done beside it, and by its time it was written to in the last {QUIET_S} s or will be"
    return ""


def _verdict(one: Candidate, feed: FileFeed, cache: LandingCache) -> Inspection:
    kept = cache.get(one)
    if kept is not None:
        return kept
    verdict = _by_place(one) if one.fault else inspect(one.path, feed)
    cache.put(one, verdict)
    return verdict


def _by_place(one: Candidate) -> Inspection:
    return Inspection(hash_only(one.path) if one.is_regular else "", str(one.fault), one.message)


def decide(sound: Iterable[Judged], feed: FileFeed) -> tuple[tuple[ReadyFile, ...], tuple[DuplicateFile, ...]]:
    """Tell first deliveries, duplicates and corrections apart, in the order of delivery whatever order they come in.

    The same bytes are taken once, whatever their name; but a delivery that brings back what a correction of its name had replaced is a correction
    itself. Files without records are the exception, told apart by name too: two header-only files are equal and still
    each replaces its own name's earlier delivery.
    """
    ready: list[ReadyFile] = []
    duplicates: list[DuplicateFile] = []
    originals: dict[Identity, Candidate] = {}
    current: dict[str, Identity] = {}
    versions: dict[str, int] = {}
    for one in sorted(sound, key=lambda one: one.candidate.order):
        candidate, verdict = one.candidate, one.verdict
        identity = (verdict.sha256, "" if verdict.records else candidate.name)
        original = originals.get(identity)
        if original is not None and (original.name != candidate.name or current[original.name] == identity):
            duplicates.append(_duplicate(one, feed, original.key))
            continue
        originals[identity], current[candidate.name] = candidate, identity
        versions[candidate.name] = versions.get(candidate.name, 0) + 1
        ready.append(_ready(one, feed, versions[candidate.name]))
    return _superseded(ready), tuple(duplicates)


def _duplicate(one: Judged, feed: FileFeed, original: str) -> DuplicateFile:
    candidate = one.candidate
    return DuplicateFile(candidate.path, feed.name, _day(candidate), candidate.name, candidate.size_bytes, one.verdict.sha256, original)


def _ready(one: Judged, feed: FileFeed, version: int) -> ReadyFile:
    candidate, verdict = one.candidate, one.verdict
    return ReadyFile(
        path=candidate.path,
        feed=feed.name,
        day=_day(candidate),
        name=candidate.name,
        size_bytes=candidate.size_bytes,
        sha256=verdict.sha256,
        version=version,
        encoding=verdict.encoding,
        has_bom=verdict.has_bom,
        delimiter=verdict.delimiter,
        header=verdict.header,
        records=verdict.records,
    )


def _day(one: Candidate) -> date:
    if one.day is None:
        raise AssertionError(f"{one.key} is in no day's folder and cannot be sound")
    return one.day


def _superseded(ready: list[ReadyFile]) -> tuple[ReadyFile, ...]:
    """Mark each file that a later delivery of its name replaces, with the day of the next one."""
    following: dict[str, date] = {}
    marked: list[ReadyFile] = []
    for file in reversed(ready):
        later = following.get(file.name)
        marked.append(file if later is None else replace(file, is_superseded=True, superseded_on=later))
        following[file.name] = file.day
    return tuple(reversed(marked))
