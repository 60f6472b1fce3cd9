"""The apps in the cloud: Container Apps, by the program ``az``."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.release.plan import GIVE_UP_S


@dataclass(frozen=True)
class ContainerApps:
    """The apps of an environment, named as `deploy/terraform/modules/dagster` names them.

    Attributes:
        environment: dev, test or prod.
        label: what a revision is named after, with the time: a commit, or that it is a way back.
    """

    environment: str
    label: str = "back"

    def stop(self, app: str) -> None:
        """Deactivate the revisions that are active."""
        for revision in self._az("revision", "list", app, "--query", "[?properties.active].name"):
            self._az("revision", "deactivate", app, "--revision", revision)

    def is_gone(self, app: str) -> bool:
        """Whether no revision has a replica."""
        return not self._az("revision", "list", app, "--all", "--query", "[?properties.replicas > `0`].name")

    def start(self, app: str, image: str) -> None:
        """Make a revision with that image; one is made even when only the image's digest is the same, because of the suffix."""
        suffix = f"{self.label}-{datetime.now(UTC):%H%M%S}"
        self._az("update", app, "--image", image, "--revision-suffix", suffix)

    def is_ready(self, app: str, image: str) -> bool:
        """Whether the latest revision is the ready one and has that image."""
        found = self._az("show", app)["properties"]
        is_latest_ready = found.get("latestRevisionName") == found.get("latestReadyRevisionName")  # missing until a first one was ready
        return bool(found["template"]["containers"][0]["image"] == image and is_latest_ready and found.get("runningStatus") == "Running")

    def commit(self, app: str) -> str | None:
        """The first digits of the commit that was deployed last; None where something else runs, such as what a rollback brought."""
        found = re.search(r"--c([0-9a-f]{12})-\d{6}\Z", str(self._az("show", app)["properties"].get("latestRevisionName")))
        return found[1] if found else None

    def previous_image(self, app: str) -> str:
        """The image of the newest revision that had another one; Container Apps keeps ten."""
        query = "[].{image: properties.template.containers[0].image, made: properties.createdTime}"
        revisions = sorted(self._az("revision", "list", app, "--all", "--query", query), key=lambda revision: revision["made"])
        others = [revision["image"] for revision in revisions if revision["image"] != revisions[-1]["image"]]
        if not others:
            raise SystemExit(f"{app} has no revision with another image: name the image to go back to")
        return str(others[-1])

    def _az(self, *words: str) -> Any:
        verbs, app, options = (words[:2], words[2], words[3:]) if words[0] == "revision" else (words[:1], words[1], words[2:])
        place = ["--name", f"ca-globalbev-{self.environment}-{app}", "--resource-group", f"rg-globalbev-{self.environment}", "--output", "json"]
        try:
            done = subprocess.run(["az", "containerapp", *verbs, *place, *options], capture_output=True, text=True, check=False, timeout=GIVE_UP_S)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"az containerapp {' '.join(verbs)} of {app}: no answer in {GIVE_UP_S:.0f} s; the steps before are done") from None
        if done.returncode:
            raise SystemExit(f"az containerapp {' '.join(verbs)} of {app}: {done.stderr.strip()[-400:]}")
        return json.loads(done.stdout or "null")
