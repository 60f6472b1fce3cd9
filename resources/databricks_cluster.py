"""The cluster that a step asks for: from the settings, within the policy, with the libraries of the lock and secrets by reference only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from globalbev_assets.contracts.book import ContractBook
from resources.databricks_settings import DatabricksSettings
from resources.settings import Settings
from resources.upload import DIGEST_VARIABLE, Upload

# What a step imports and a runtime lacks, or has in another version; the launcher adds dagster's own and the SDK.
LIBRARIES = (
    "deltalake",
    "duckdb",
    "filelock",
    "holidays",
    "jsonschema",
    "open-data-contract-standard",
    "pandas",
    "phonenumbers",
    "psutil",
    "psycopg[binary]",
    "pyarrow",
    "pydantic",
    "pydantic-settings",
    "python-dotenv",
    "pyyaml",
    "requests",
    "stamina",
    "structlog",
    "usaddress",
    "usaddress-scourgify",
)
# Named by contracts; an address is no secret, so it travels as a variable and these by reference.
SECRET_OPTIONS, PLAIN_OPTIONS = ("dsn", "token"), ("url",)
DEFAULT_DSN = "GLOBALBEV_SHOP_DSN"


def run_config(databricks: DatabricksSettings, environment: str) -> dict[str, Any]:
    """The launcher's ``run_config``: a new job cluster, or one that runs already when the settings name it."""
    cluster: dict[str, Any] = {"existing": databricks.cluster_id} if databricks.cluster_id else {"new": _new_cluster(databricks, environment)}
    return {
        "run_name": f"globalbev-{environment}",
        "cluster": cluster,
        "libraries": [{"pypi": {"package": package}} for package in pins()],
        "timeout_seconds": databricks.timeout_minutes * 60,
    }


def pins() -> list[str]:
    """The libraries, each of the version that is installed here."""
    return [f"{name}=={version(name.partition('[')[0])}" for name in LIBRARIES]


def environment_variables(settings: Settings, databricks: DatabricksSettings, upload: Upload, book: ContractBook) -> dict[str, str]:
    """What the step's process is told: where the lake, the landing zone and its own folder are. No secret among it."""
    found = {
        "GLOBALBEV_ENV": settings.env,
        "GLOBALBEV_SPARK": "cluster",
        "GLOBALBEV_LAKE": settings.lake_root,
        "GLOBALBEV_CATALOG": databricks.catalog,
        "GLOBALBEV_HOME": databricks.home,
        "GLOBALBEV_CONTRACTS": "",  # further folders travel in the upload
        DIGEST_VARIABLE: upload.digest,
    }
    found |= {"GLOBALBEV_LANDING": str(settings.landing)} if settings.landing else {}
    days = {"GLOBALBEV_START_DATE": settings.start_date, "GLOBALBEV_END_DATE": settings.end_date}
    found |= {name: str(day) for name, day in days.items() if day is not None}
    return found | {name: settings.variable(name) for name in _named(book, PLAIN_OPTIONS)}


def secret_references(databricks: DatabricksSettings, book: ContractBook) -> list[dict[str, str]]:
    """The variables that the cluster fills from the scope; the value of ``GLOBALBEV_SHOP_DSN`` is the secret ``globalbev-shop-dsn``."""
    return [{"name": name, "key": secret_key(name), "scope": databricks.scope} for name in _named(book, SECRET_OPTIONS)]


def secret_key(variable: str) -> str:
    """A Key Vault's name for a variable: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", variable.lower())


def access(databricks: DatabricksSettings) -> list[dict[str, str]]:
    """Who may look at the runs, besides the one that submits them.

    Not the launcher's to grant: it asks for the cluster first, up to six times every ten seconds, outside of what cancels a run, and gives it up.
    """
    return [{"group_name": databricks.readers, "permission_level": "CAN_VIEW"}] if databricks.readers else []


def _new_cluster(databricks: DatabricksSettings, environment: str) -> dict[str, Any]:
    low, high = databricks.worker_range
    nodes = {"instance_pool_id": databricks.pool_id} if databricks.pool_id else {"node_types": {"node_type_id": databricks.node_type}}
    tags = {"env": environment, "data_product": "globalbev-lakehouse", "cost_center": databricks.cost_center}
    return {
        "size": {"num_workers": low} if low == high else {"autoscale": {"min_workers": low, "max_workers": high}},
        "spark_version": databricks.runtime,
        "nodes": nodes,
        "policy_id": databricks.policy_id,
        # The launcher needs `sc` and files under /dbfs, which shared compute does not give. Spot with fallback is the policy's to say:
        # the launcher's own schema refuses SPOT_WITH_FALLBACK_AZURE.
        "data_security_mode": "SINGLE_USER",
        **({"single_user_name": databricks.run_as} if databricks.run_as else {}),
        "custom_tags": [{"key": key, "value": value} for key, value in tags.items()],
        "spark_conf": {
            "spark.sql.session.timeZone": "UTC",
            # Days of the landing zone's files are listed by the driver; 10,000 listing tasks are the default.
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
        },
    }


def _named(book: ContractBook, options: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in book:
        source = book[name].source
        given: Mapping[str, Any] = {"dsn": DEFAULT_DSN, **source.options} if source.kind == "database" else source.options
        found |= {str(given[option]): None for option in options if given.get(option)}
    return list(found)
