"""``az containerapp`` for the rehearsal: keeps each app's image in a file and makes a new one ready after a while. Knows the four verbs used."""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> int:
    """Answer as ``az`` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("start_s", type=float)
    parser.add_argument("group", choices=["containerapp"])
    parser.add_argument("verbs", nargs="+", choices=["update", "show", "revision", "list", "deactivate"])
    for option in ("--name", "--resource-group", "--output"):
        parser.add_argument(option, required=True)
    parser.add_argument("--all", action="store_true")
    for option in ("--image", "--revision-suffix", "--query", "--revision"):
        parser.add_argument(option)
    given = parser.parse_args()
    with given.file.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        apps: dict[str, Any] = json.loads(file.read() or "{}")
        old = [{"image": "crglobalbevdev.azurecr.io/globalbev:good", "made": "1"}, {"image": "crglobalbevdev.azurecr.io/globalbev:bad", "made": "2"}]
        running = {"image": old[-1]["image"], "revision": f"{given.name}--0", "ready_at": 0.0, "active": True, "ends_at": 0.0, "revisions": old}
        app = apps.setdefault(given.name, running)
        answer = answered(app, given)
        file.seek(0)
        file.truncate()
        file.write(json.dumps(apps))
    sys.stdout.write(json.dumps(answer))
    return 0


def answered(app: dict[str, Any], given: argparse.Namespace) -> Any:
    """Change the app, and say what ``az`` would."""
    if given.verbs == ["revision", "list"] and "replicas" in (given.query or ""):
        return [app["revision"]] if app["active"] or time.time() < app["ends_at"] else []
    if given.verbs == ["revision", "list"] and given.all:
        return app["revisions"]
    if given.verbs == ["revision", "list"]:
        return [app["revision"]] if app["active"] else []
    if given.verbs == ["revision", "deactivate"]:
        app |= {"active": False, "ends_at": time.time() + given.start_s}  # it lets its runs end first
    if given.verbs == ["update"]:
        app |= {"image": given.image, "revision": f"{given.name}--{given.revision_suffix}", "ready_at": time.time() + given.start_s, "active": True}
    is_ready = app["active"] and time.time() >= app["ready_at"]
    return {
        "properties": {
            "template": {"containers": [{"image": app["image"]}]},
            "latestRevisionName": app["revision"],
            "latestReadyRevisionName": app["revision"] if is_ready else "",
            "runningStatus": "Running" if is_ready else "Progressing",
        }
    }


if __name__ == "__main__":
    sys.exit(main())
