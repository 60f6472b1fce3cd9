"""Answers of an API that could not be read, kept with their bytes: ``<deadletter>/<feed>/<day>/page-00003.body``, its reason beside it.

One a page and day, the newest: what an API answered last is what its owner is to see.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from partitions.days import now
from resources.atomic_files import beside, write_text


def keep_answer(folder: Path, number: int, body: bytes, reason: str) -> Path:
    """Keep the bytes of a page as it was answered; returns where.

    Args:
        folder: of the feed's day, ``<deadletter>/<feed>/<day>``; made when it is missing.
        number: number of the page, from 1.
        body: the answer, at most as long as a page may be.
        reason: why it could not be read, free of values.
    """
    place = folder / f"page-{number:05d}.body"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = beside(place)
    try:
        temporary.write_bytes(body)
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)
    said = {
        "feed": folder.parent.name,
        "day": folder.name,
        "page": number,
        "size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "reason": reason,
        "seen_at": now().isoformat(),
    }
    write_text(place.with_name(f"{place.name}.reason.json"), json.dumps(said, indent=1) + "\n")
    return place
