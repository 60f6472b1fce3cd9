"""Cluster policies: what a new cluster may be, by the rules of Databricks' policy definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .answers import invalid

Rule = Mapping[str, Any]
# Of the whole cluster or of who asks, not of the submission.
VIRTUAL = ("cluster_type", "dbus_per_hour")


def enforce(definition: Mapping[str, Rule], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster with the policy's fixed values; 400 where it breaks a rule.

    Raises:
        ApiError: the value and what the policy takes, as Databricks words it.
    """
    found = dict(_flat(cluster))
    for path, rule in definition.items():
        given = found.get(path)
        if given is None:
            # Defaults are for those who ask for them (`apply_policy_default_values`), which the launcher does not.
            if rule["type"] == "fixed" and not _is_other_size(path, found) and path not in VIRTUAL:
                found[path] = rule["value"]
            elif path in VIRTUAL:
                continue
            elif rule["type"] not in ("forbidden", "fixed", "unlimited") and not rule.get("isOptional") and not _is_other_size(path, found):
                raise _refused(path, "the value must be present")
            continue
        complaint = _KINDS[rule["type"]](rule, given)
        if complaint:
            raise _refused(path, f'{complaint} (is "{given}")')
    return _nested(found)


def _is_other_size(path: str, found: Mapping[str, Any]) -> bool:
    """Rules for a size, and for nodes outside a pool, say nothing of a cluster that has the other kind."""
    if path.startswith("autoscale."):
        return "num_workers" in found
    if path.startswith("azure_attributes."):
        return "instance_pool_id" in found
    return (path in ("node_type_id", "driver_node_type_id") and "instance_pool_id" in found) or (
        path == "num_workers" and "autoscale.max_workers" in found
    )


def _fixed(rule: Rule, given: Any) -> str:
    return "" if str(given) == str(rule["value"]) else f"the value must be {rule['value']}"


def _listed(rule: Rule, given: Any) -> str:
    return "" if str(given) in map(str, rule["values"]) else f"the value must be one of {', '.join(map(str, rule['values']))}"


def _range(rule: Rule, given: Any) -> str:
    low, high = rule.get("minValue"), rule.get("maxValue")
    if low is not None and float(given) < low:
        return f"the value must be at least {low}"
    return f"the value must be at most {high}" if high is not None and float(given) > high else ""


_KINDS: dict[str, Callable[[Rule, Any], str]] = {
    "fixed": _fixed,
    "forbidden": lambda _, __: "the value must not be present",
    "allowlist": _listed,
    "blocklist": lambda rule, given: (
        f"the value must not be one of {', '.join(map(str, rule['values']))}" if str(given) in map(str, rule["values"]) else ""
    ),
    "regex": lambda rule, given: "" if re.fullmatch(rule["pattern"], str(given)) else f"the value must match {rule['pattern']}",
    "range": _range,
    "unlimited": lambda _, __: "",
}


def _refused(path: str, why: str) -> Exception:
    return invalid(f"Cluster validation error: Validation failed for {path}, {why}.")


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.") or [(f"{prefix}{name}", value)]
        else:
            found.append((f"{prefix}{name}", value))
    return found


# Below these, names may hold dots themselves: `spark_conf.spark.sql.shuffle.partitions` is one setting.
_OPEN = ("spark_conf", "spark_env_vars", "custom_tags")


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in flat.items():
        head, _, rest = path.partition(".")
        if not rest:
            found[head] = value
        elif head in _OPEN:
            found.setdefault(head, {})[rest] = value
        else:
            inner = found.setdefault(head, {})
            *between, last = rest.split(".")
            for part in between:
                inner = inner.setdefault(part, {})
            inner[last] = value
    return found
