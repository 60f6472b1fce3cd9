"""Who may do what in a catalog: Entra groups, never persons. Their names follow the catalog's, so that a person of dev is nobody in prod."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = {
    "engineers": "read every table; write through the pipeline alone",
    "analysts": "read silver and gold, personal data masked",
    "pii-readers": "see personal data unmasked in what they may read otherwise",
    "all-markets": "see the rows of all markets; other analysts see those of theirs",
    "etl": "the pipeline's service principals and the deployer's: read and write every table, unmasked",
    "admins": "own the catalog; change policies and grants",
    "secret-officers": "set the values of the secrets; people, never the deployment",
}
"""The groups of an environment and what each is for; `deploy/terraform/modules/identity` makes the same, which a test holds."""


@dataclass(frozen=True)
class Groups:
    """The groups of one catalog's environment."""

    catalog: str

    def role(self, role: str) -> str:
        """The group of a role (KeyError for one that there is not)."""
        ROLES[role]
        return f"{self.prefix}-{role}"

    def team(self, team: str) -> str:
        """The group of the team that owns a table: it reads its own tables, and what its quarantine keeps aside."""
        return f"{self.prefix}-team-{team}"

    @property
    def prefix(self) -> str:
        """What the names of an environment's groups start with."""
        return self.catalog.replace("_", "-")
