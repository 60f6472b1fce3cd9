"""checkov over Terraform, image and workflows; every finding either mended or kept with a reason in `checkov_skips.yaml`, and no reason without a finding."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
SKIPS = Path(__file__).with_name("checkov_skips.yaml")
# The environments pull all modules in.
TARGETS = (("terraform", "deploy/terraform/environments"), ("dockerfile", "deploy/container"), ("github_actions", ".github"))


class Finding(NamedTuple):
    """One finding: the check, the type of what it is about, where, and what checkov says."""

    id: str
    about: str
    where: str
    what: str


def findings(checkov: Path) -> Iterator[Finding]:
    """What checkov finds, without any skip."""
    for framework, folder in TARGETS:
        command = [str(checkov), "--directory", folder, "--framework", framework, "--output", "json", "--compact", "--quiet", "--skip-download"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200)
        if not done.stdout.strip():
            raise SystemExit(f"checkov said nothing about {folder}: {done.stderr[-500:]}")
        found = json.loads(done.stdout)
        for report in found if isinstance(found, list) else [found]:
            yield from (_finding(one) for one in report.get("results", {}).get("failed_checks", ()))


def _finding(one: dict[str, Any]) -> Finding:
    parts = [part for part in one["resource"].split(".") if part.startswith(("azurerm_", "azuread_", "databricks_"))]
    return Finding(
        one["check_id"], parts[-1] if parts else one["resource"].split("(")[0], f"{one['file_path']}: {one['resource']}", one["check_name"]
    )


def judged(found: Sequence[Finding], skips: Sequence[dict[str, str]]) -> list[str]:
    """What is to be done: findings that no entry covers, entries that cover nothing."""
    known = {(skip["id"], skip["about"]) for skip in skips}
    new = {f"{one.id} {one.where}: {one.what}" for one in found if (one.id, one.about) not in known}
    stale = known - {(one.id, one.about) for one in found}
    return [*sorted(new), *(f"{check} about {about} is found no more: take it out of {SKIPS.name}" for check, about in sorted(stale))]


def main() -> int:
    """Print what is to be done. Takes checkov's program as argument."""
    skips = yaml.safe_load(SKIPS.read_text(encoding="utf-8"))
    found = list(findings(Path(sys.argv[1]).absolute()))
    todo = judged(found, skips)
    sys.stdout.write(
        "".join(f"{line}\n" for line in todo) + f"checkov: {len(found)} findings, {len(skips)} kinds of them kept with a reason, {len(todo)} to do\n"
    )
    return 1 if todo else 0


if __name__ == "__main__":
    sys.exit(main())
