"""The cluster policies that are deployed: the very files that Terraform renders, so that the rehearsal's workspace refuses what Azure would.

They lie in the project's ``deploy/terraform/modules/compute/policies``; an installed wheel carries them as ``sandbox/databricks/policies``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Literal

from resources.settings import PROJECT

PLACES = (PROJECT / "deploy" / "terraform" / "modules" / "compute" / "policies", Path(__file__).resolve().parent / "policies")
Kind = Literal["job", "pool", "person"]


def policy(kind: Kind, values: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """A policy's rules by attribute.

    Args:
        kind: ``pool`` is the one that the deployed settings name; ``job`` is for clusters without a pool; ``person`` for people.
        values: what Terraform hands over by name; one that a file asks for and nobody gives is a KeyError, as it is an error there.
    """
    folder = next(place for place in PLACES if place.is_dir())
    text = (folder / f"{kind}.json.tftpl").read_text(encoding="utf-8")
    rules: dict[str, dict[str, Any]] = json.loads(Template(text).substitute(values))
    return rules
