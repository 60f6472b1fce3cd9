"""The folder of the local Dagster instance, with its ``dagster.yaml``.

Here belongs what the set-up does to ``DAGSTER_HOME`` before Dagster looks at it; what the instance is like stands in the project's ``dagster.yaml``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from resources.atomic_files import write_text
from resources.settings import PROJECT

TEMPLATE = PROJECT / "dagster.yaml"
ONLY_IN_THE_COPY = "#: "
EVENTS = "<events>"
_SEAL = "# Written by the set-up, which replaces it only while the rest of the file has this checksum: "


def prepare_dagster_home(home: Path, template: Path = TEMPLATE) -> Path:
    """Make ``<home>/dagster`` with a ``dagster.yaml`` that knows, absolutely, where its events lie.

    A file that somebody has changed since it was written is left alone.

    Args:
        home: folder of all local state, ``GLOBALBEV_HOME``.
        template: the ``dagster.yaml`` to copy.

    Returns:
        The folder for ``DAGSTER_HOME``, absolute.
    """
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "dagster.yaml"
    text = _sealed(template.read_text(encoding="utf-8").replace(ONLY_IN_THE_COPY, "").replace(EVENTS, json.dumps(str(folder / "events"))))
    before = place.read_text(encoding="utf-8") if place.exists() else None
    if before != text and (before is None or _is_as_written(before)):
        write_text(place, text)
    return folder


def _sealed(body: str) -> str:
    return f"{_SEAL}{hashlib.sha256(body.encode()).hexdigest()}\n{body}"


def _is_as_written(text: str) -> bool:
    return text == _sealed(text.partition("\n")[2])
