"""The dead-letter folder: ``<deadletter>/<feed>/<day>/<name>`` with the file's bytes, and ``<name>.reason.json`` beside it.

Written once: the same dead file found again changes nothing, so that ``seen_at`` stays the first time. The reason is
written last; where it stands, the bytes are there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from resources.atomic_files import beside, write_text
from resources.file_feed import DeadFile, DeadReason, FileFeed
from resources.landing_inspect import Inspection, open_regular
from resources.landing_walk import Candidate

_CHUNK = 1024 * 1024
_NO_FOLDER = "_no_folder"
_REASON = ".reason.json"
_LONGEST = 200  # bytes of a name; file systems take 255, and a hash and the reason's ending come on top


def bury(one: Candidate, verdict: Inspection, feed: FileFeed, deadletter: Path | None, now: datetime) -> DeadFile:
    """Keep a dead file's bytes and reason; without a folder for them it is only described (dry runs, sensors)."""
    place = None if deadletter is None else deadletter / feed.name / (one.folder or _NO_FOLDER) / _place_name(one.name)
    seen_at, copy = now, None
    if place is not None:
        kept = _kept(place)
        if kept is None or (kept["sha256"], kept["reason"]) != (verdict.sha256, verdict.reason):
            kept = _write(one, verdict, feed, place, now)
        seen_at = datetime.fromisoformat(kept["seen_at"])
        copy = place if kept["has_bytes"] else None
    return DeadFile(
        path=one.path,
        feed=feed.name,
        day=one.day,
        folder=one.folder,
        name=one.name,
        size_bytes=one.size_bytes,
        sha256=verdict.sha256,
        reason=DeadReason(verdict.reason),
        message=verdict.message,
        dead_letter=copy,
        seen_at=seen_at,
    )


def _place_name(name: str) -> str:
    """The file's own name, but for one that leaves no room for what is added to it, or looks like a reason itself."""
    if len(name.encode("utf-8", "surrogateescape")) > _LONGEST or name.endswith(_REASON):
        return f"{name[:40]}.{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}.bytes"
    return name


def _reason_path(place: Path) -> Path:
    return place.with_name(place.name + _REASON)


def _kept(place: Path) -> dict[str, Any] | None:
    """The reason that is there, None when there is none or it does not parse."""
    try:
        kept: dict[str, Any] = json.loads(_reason_path(place).read_text(encoding="utf-8"))
        datetime.fromisoformat(kept["seen_at"])
        return kept if {"sha256", "reason", "has_bytes"} <= kept.keys() and (place.exists() or not kept["has_bytes"]) else None
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(one: Candidate, verdict: Inspection, feed: FileFeed, place: Path, now: datetime) -> dict[str, Any]:
    place.parent.mkdir(parents=True, exist_ok=True)
    _set_earlier_aside(place)
    has_bytes = bool(verdict.sha256) and _copy(one, verdict.sha256, place)
    reason = {
        "feed": feed.name,
        "day": one.day.isoformat() if one.day else None,
        "folder": one.folder,
        "name": one.name,
        "size_bytes": one.size_bytes,
        "sha256": verdict.sha256,
        "reason": str(verdict.reason),
        "message": verdict.message,
        "has_bytes": has_bytes,
        "seen_at": now.isoformat(),
    }
    write_text(_reason_path(place), json.dumps(reason, indent=1) + "\n")
    return reason


def _set_earlier_aside(place: Path) -> None:
    """Keep what lies there of another content: it is evidence."""
    if place.exists():
        with place.open("rb") as file:
            mark = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        aside = place.with_name(f"{place.name}.{mark}")
        place.rename(aside)
        if _reason_path(place).exists():
            _reason_path(place).rename(_reason_path(aside))


def _copy(one: Candidate, sha256: str, place: Path) -> bool:
    """Copy the bytes; not those of a file for which the disk has no room twice over, nor of one that changed meanwhile."""
    if shutil.disk_usage(place.parent).free < 2 * one.size_bytes:
        return False
    temporary, digest = beside(place), hashlib.sha256()
    try:
        with open_regular(one.path) as source, temporary.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() == sha256:
            temporary.replace(place)
            return True
        return False
    finally:
        temporary.unlink(missing_ok=True)
