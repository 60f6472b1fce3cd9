"""Everything that can be checked of `deploy/` without a cloud, each with its time. `python -m deploy.checks <folder of .iac> [--all]`.

A check whose program (terraform, actionlint, npm) is not installed is left out, which is said at the end; with `--all`, as on GitHub, that fails.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of no package of ours; all else is in .venv and .iac.
PROGRAMS = {"terraform fmt": "terraform", "actionlint": "actionlint", "KQL by Microsoft's own parser": "npm"}


def checks(iac: Path) -> dict[str, list[str]]:
    """Name → command; of those that need nothing but `.iac`, then of those whose program somebody has to install."""
    workflows = [str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    (packages,) = iac.glob("lib/python3.*/site-packages")
    python = [sys.executable, "-m"]
    return {
        "terraform against the providers' schema": [*python, "deploy.checks.terraform_check"],
        "the schema is the packages' own": [*python, "deploy.checks.provider_schema", str(packages), "--check"],
        "workflows against GitHub's schema": [str(iac / "bin" / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows],
        "checkov": [*python, "deploy.checks.checkov_check", str(iac / "bin" / "checkov")],
        "terraform fmt": ["terraform", "fmt", "-check", "-diff", "-recursive", "deploy/terraform"],
        "actionlint": ["actionlint", *workflows],
        "KQL by Microsoft's own parser": [*python, "deploy.checks.kql_check", str(iac)],
    }


def main() -> int:
    """Run all, whatever one says; 1 when any fails, or is left out although all are wanted."""
    found = checks(Path(sys.argv[1]))
    absent = {name: program for name, program in PROGRAMS.items() if not shutil.which(program)}
    failed = [name for name in found if name not in absent and not _is_good(name, found[name])]
    for name, program in absent.items():
        sys.stdout.write(f"LEFT OUT, NOT CHECKED: {name}; {program} is not installed\n")
    return 1 if failed or (absent and "--all" in sys.argv) else 0


def _is_good(name: str, command: list[str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    is_good = done.returncode == 0
    sys.stdout.write(f"{'ok  ' if is_good else 'FAIL'} {time.monotonic() - started:6.1f} s  {name}\n")
    sys.stdout.write("" if is_good else f"{done.stdout}{done.stderr}\n")
    return is_good


if __name__ == "__main__":
    sys.exit(main())
