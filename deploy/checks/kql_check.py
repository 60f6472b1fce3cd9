"""KQL by Microsoft's own parser, which knows what Log Analytics knows: `python -m deploy.checks.kql_check <folder of .iac>`.

The parser is an npm package, so it needs npm; it is installed into the folder and is 32 MB there. What the queries find is tested by
`tests/unit/test_kql.py`, without it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGE, VERSION = "@kusto/language-service-next", "12.4.1"
DEPLOY = Path(__file__).parents[1]


def main() -> int:
    """Install the parser where it is missing, and run it; its exit code."""
    place = Path(sys.argv[1]).absolute() / f"kusto-{VERSION}"
    if not (place / "node_modules" / PACKAGE / "package.json").is_file():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place), f"{PACKAGE}@{VERSION}"], check=True
        )
    script = Path(__file__).with_suffix(".js")
    return subprocess.run(["node", str(script), str(place / "node_modules" / PACKAGE), str(DEPLOY)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
