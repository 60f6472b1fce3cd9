"""Everything that can be checked of `deploy/` without a cloud, each with its time. `python -m deploy.checks <site-packages of .iac>`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def checks(iac: Path) -> dict[str, list[str]]:
    """Name → command. What is only looked for (terraform, actionlint) is left out where it is not."""
    workflows = [str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    (packages,) = iac.glob("lib/python3.*/site-packages")
    python = [sys.executable, "-m"]
    found = {
        "terraform against the providers' schema": [*python, "deploy.checks.terraform_check"],
        "the schema is the packages' own": [*python, "deploy.checks.provider_schema", str(packages), "--check"],
        "workflows against GitHub's schema": [str(iac / "bin" / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *workflows],
        "checkov": [*python, "deploy.checks.checkov_check", str(iac / "bin" / "checkov")],
    }
    for program, words in {"terraform": ["fmt", "-check", "-diff", "-recursive", "deploy/terraform"], "actionlint": workflows}.items():
        if shutil.which(program):
            found[program] = [program, *words]
        else:
            sys.stdout.write(f"left out, not installed: {program}\n")
    return found


def main() -> int:
    """Run all, whatever one says; 1 when any fails."""
    failed = []
    for name, command in checks(Path(sys.argv[1])).items():
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        is_good = done.returncode == 0
        sys.stdout.write(f"{'ok  ' if is_good else 'FAIL'} {time.monotonic() - started:6.1f} s  {name}\n")
        sys.stdout.write("" if is_good else f"{done.stdout}{done.stderr}\n")
        failed += [] if is_good else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
