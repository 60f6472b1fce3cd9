"""Whether a deployment is newer than what is there. `python -m deploy.release.order <environment> <commit>`, before anything is changed.

Two merges deploy side by side, each as fast as its tests; the older one may come to an environment after the newer. It must not put it back.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from deploy.release.azure import ContainerApps
from deploy.release.plan import APPS

_NOT_AN_ANCESTOR = 1


def overtaken(deployed: str | None, commit: str) -> bool:
    """Whether the commit is older than the one that is deployed; not where that is none of this repository's, as after a rollback."""
    if deployed is None or commit.startswith(deployed):
        return False
    done = subprocess.run(["git", "merge-base", "--is-ancestor", commit, deployed], capture_output=True, text=True, check=False)
    if done.returncode not in (0, _NOT_AN_ANCESTOR):
        sys.stdout.write(f"{deployed}, which is deployed, is not known here: nothing is concluded from it ({done.stderr.strip()[:200]})\n")
    return done.returncode == 0


def main() -> int:
    """1 when something newer is there."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release.order", description="Whether a deployment is newer than what is there.")
    parser.add_argument("environment", choices=("dev", "test", "prod"))
    parser.add_argument("commit")
    chosen = parser.parse_args()
    deployed = ContainerApps(chosen.environment).commit(APPS[0])
    if overtaken(deployed, chosen.commit):
        sys.stdout.write(
            f"{chosen.environment} has {deployed} by now, which is newer than {chosen.commit[:12]}. Nothing was done; to go back, use Rollback.\n"
        )
        return 1
    sys.stdout.write(f"{chosen.environment} has {deployed or 'no commit that is known'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
