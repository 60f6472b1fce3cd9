"""The folder of the local Dagster instance, with its ``dagster.yaml``.

Here belongs what the set-up does to ``DAGSTER_HOME`` before Dagster looks at it; what the instance is like stands in the project's ``dagster.yaml``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from filelock import FileLock

from resources.atomic_files import write_text
from resources.settings import PROJECT

TEMPLATE = PROJECT / "dagster.yaml"
ONLY_IN_THE_COPY = "#: "
EVENTS = "<events>"
MADE = ".stores-made"
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
    if template == TEMPLATE and _is_as_written(place.read_text(encoding="utf-8")):
        _make_stores(folder)
    return folder


def _make_stores(folder: Path) -> None:
    """Let one process make Dagster's databases: of two that open an instance of a new home, one fails ("table runs already exists")."""
    if (folder / MADE).exists():
        return
    with FileLock(folder / f"{MADE}.lock"):
        if (folder / MADE).exists():
            return
        from dagster import DagsterInstance  # noqa: PLC0415  a second, once in a home

        with DagsterInstance.from_config(str(folder)) as instance:
            instance.get_runs(limit=1)
            instance.all_asset_keys()
            instance.all_instigator_state()
        (folder / MADE).touch()


def _sealed(body: str) -> str:
    return f"{_SEAL}{hashlib.sha256(body.encode()).hexdigest()}\n{body}"


def _is_as_written(text: str) -> bool:
    return text == _sealed(text.partition("\n")[2])
