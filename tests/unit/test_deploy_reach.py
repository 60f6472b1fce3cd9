"""Who reaches what in a deployed environment: ports, endpoints, groups, tags, secrets, storage; and that a first `apply` finds what it needs."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from deploy.checks.terraform_check import Module, read_module
from deploy.checks.terraform_files import TERRAFORM
from globalbev_assets.governance.principals import ROLES
from resources.databricks_settings import DatabricksSettings


def module(name: str) -> Module:
    return read_module(TERRAFORM / "modules" / name)


def text_of(*parts: str) -> str:
    return TERRAFORM.joinpath(*parts).read_text(encoding="utf-8")


def rules_of(name: str) -> dict[str, Any]:
    return {of: body for (kind, of), body in module(name).resources.items() if kind == "azurerm_network_security_rule"}


def test_a_cluster_reaches_the_control_plane_on_all_its_ports() -> None:
    """Security rules hold for private endpoints here, and 443 alone lets no cluster start: Microsoft's list (Private Link, key considerations)."""
    rules = rules_of("network")
    rule, last = rules["endpoints_from_clusters"], rules["endpoints_nothing_else"]
    (ports,) = re.findall(r"^  databricks_ports = (\[.+\])$", text_of("modules", "network", "main.tf"), re.MULTILINE)
    assert set(json.loads(ports)) == {"443", "6666", "3306", "8443-8451"}
    assert rule["destination_port_ranges"] == "${local.databricks_ports}"
    assert (rule["access"], rule["direction"], rule["protocol"]) == ("Allow", "Inbound", "Tcp")
    assert rule["source_address_prefixes"] == "${values(local.workspace_subnets)}"
    assert rule["network_security_group_name"] == last["network_security_group_name"]
    assert rule["priority"] < last["priority"]


def test_a_cluster_does_not_reach_dagster() -> None:
    """Its web server asks nobody to sign in, and people run their own code on clusters; Azure's own rule that lets the network in is 65000."""
    rules = rules_of("network")
    rule = rules["services_not_from_clusters"]
    assert (rule["access"], rule["direction"], rule["protocol"]) == ("Deny", "Inbound", "*")
    assert (rule["destination_port_range"], rule["destination_address_prefix"]) == ("*", "*")
    assert rule["source_address_prefixes"] == "${values(local.workspace_subnets)}"
    group = rule["network_security_group_name"]
    assert rule["priority"] == min(each["priority"] for each in rules.values() if each["network_security_group_name"] == group)
    guarded = module("network").resources["azurerm_subnet_network_security_group_association", "service"]
    assert guarded["network_security_group_id"] == "${azurerm_network_security_group.services.id}"


def test_the_dbfs_root_behind_its_firewall_is_reached_from_clusters() -> None:
    resources = module("workspace").resources
    made = resources["azurerm_databricks_workspace", "this"]
    assert made["default_storage_firewall_enabled"] is True
    assert made["custom_parameters"][0]["storage_account_name"] == "${var.storage_account_name}"
    endpoints = resources["azurerm_private_endpoint", "root"]
    assert endpoints["for_each"] == '${toset(["blob", "dfs"])}'
    assert endpoints["private_service_connection"][0]["private_connection_resource_id"] == (
        "${azurerm_databricks_workspace.this.managed_resource_group_id}/providers/Microsoft.Storage/storageAccounts/${var.storage_account_name}"
    )
    assert endpoints["private_dns_zone_group"][0]["private_dns_zone_ids"] == ["${var.private_dns_zone_ids[each.value]}"]
    (name,) = re.findall(r'storage_account_name = "(\w+)\$\{var\.environment\}\$\{var\.unique\}"', text_of("modules", "platform", "main.tf"))
    assert len(f"{name}prodabcdef") <= 24


def test_people_sign_in_where_the_workspace_is_not_public() -> None:
    endpoint = module("workspace").resources["azurerm_private_endpoint", "sign_in"]
    assert endpoint["count"] == "${var.is_public ? 0 : 1}"
    assert endpoint["private_service_connection"][0]["subresource_names"] == ["browser_authentication"]
    closed = [
        name for name in ("dev", "test", "prod") if re.search(r"^  is_public += false$", text_of("environments", name, "main.tf"), re.MULTILINE)
    ]
    assert closed == ["prod"]


def test_every_governed_tag_may_be_assigned_by_the_deployers_and_by_no_group() -> None:
    """By default account admins alone may, and the contracts' SQL is not run by one."""
    shared = read_module(TERRAFORM / "environments" / "shared")
    granted = shared.resources["databricks_access_control_rule_set", "assigners"]
    assert granted["for_each"] == "${databricks_tag_policy.this}"
    assert granted["name"] == "accounts/${var.account_id}/tagPolicies/${each.value.id}/ruleSets/default"
    (rule,) = granted["grant_rules"]
    assert rule["role"] == "roles/tagPolicy.assigner"
    assert rule["principals"] == """${formatlist("servicePrincipals/%s", var.deployer_client_ids)}"""


def test_a_group_is_a_member_of_the_workspace_before_it_is_given_anything() -> None:
    """A group that Entra alone has is not found by its name: each is looked up by its object id first, which brings it into the account."""
    members, platform = module("members"), module("platform")
    found = members.resources["data.databricks_workspace_iam_external_group_v2", "this"]
    assert (found["for_each"], found["name"]) == ("${var.object_ids}", "external-groups/${each.value}")
    assigned = members.resources["databricks_permission_assignment", "this"]
    assert (assigned["for_each"], assigned["permissions"]) == ("${var.members}", ["USER"])
    assert assigned["principal_id"] == "${data.databricks_workspace_iam_external_group_v2.this[each.value].internal_id}"
    assert "${databricks_permission_assignment.this}" in members.outputs["groups"]["depends_on"]
    assert {name: call["groups"] for name, call in platform.calls.items() if "groups" in call} == {
        "members": "${module.identity.groups}", "catalog": "${module.members.groups}", "compute": "${module.members.groups}",
    }  # fmt: skip


def test_every_group_that_has_rights_in_the_workspace_is_a_member() -> None:
    (members,) = re.findall(
        r"for role in (\[.+?\]) : module\.identity\.groups\[role\]\], module\.identity\.team_groups\)", text_of("modules", "platform", "main.tf")
    )
    given = {key: body for key, body in module("compute").resources.items() if key[0] in {"databricks_permissions", "databricks_secret_acl"}}
    named = {*re.findall(r'var\.groups\["([\w-]+)"\]', str(given)), *re.findall(r'"(\w+)"', given["databricks_secret_acl", "readers"]["for_each"])}
    assert named == {"etl", "engineers", "analysts", "admins"} == set(json.loads(members))
    assert named <= ROLES.keys()


def test_the_first_image_is_ours_and_is_pushed_before_the_apps_are_made() -> None:
    """Another one has no such commands: no revision starts, and the apps are not made."""
    app = module("dagster").resources["azurerm_container_app", "this"]
    assert app["template"][0]["container"][0]["image"] == "${azurerm_container_registry.this.login_server}/globalbev:first"
    assert "${azurerm_role_assignment.pull}" in app["depends_on"]
    step = (TERRAFORM.parent / "README.md").read_text().split("3. **The environment's Azure part.**")[1].split("4. **Secrets**")[0]
    commands = [
        "-target=module.platform.module.dagster.azurerm_container_registry.this",
        'docker push "$registry/globalbev:first"',
        "   terraform apply\n",
    ]
    assert [step.index(each) for each in commands] == sorted(step.index(each) for each in commands)


def test_a_budget_begins_in_the_month_in_which_it_is_made_and_keeps_it() -> None:
    """Azure refuses a month that is over, and another month would be another budget."""
    budget = module("observability").resources["azurerm_consumption_budget_subscription", "this"]
    assert budget["time_period"][0]["start_date"] == """${formatdate("YYYY-MM-'01T00:00:00Z'", plantimestamp())}"""
    assert budget["lifecycle"][0]["ignore_changes"] == ["time_period"]


def test_the_budget_is_of_the_subscription() -> None:
    """In the resource group of Databricks' machines, whose cost is the most of it, nobody may make anything."""
    assert {kind for (kind, _) in module("observability").resources if "budget" in kind} == {"azurerm_consumption_budget_subscription"}
    (watched,) = re.findall(r"^  resource_groups += (.+)$", text_of("modules", "platform", "main.tf"), re.MULTILINE)
    assert watched == "[azurerm_resource_group.this.name, module.workspace.managed_resource_group_name]"


def test_github_signs_in_to_databricks_by_an_address_and_as_an_admin() -> None:
    """Databricks' SDK does not try GitHub's token without a host, and Contributor makes no admin of who signs in by it (auth_azure_github_oidc.go)."""
    for name in ("dev", "test", "prod", "shared"):
        text = text_of("environments", name, "main.tf")
        for provider in re.findall(r'^provider "databricks" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL):
            assert re.search(r"^  host +=", provider, re.MULTILINE), name
    admin = module("compute").resources["databricks_permission_assignment", "deployer"]
    assert (admin["principal_id"], admin["permissions"]) == ('${databricks_service_principal.this["deployer"].id}', ["ADMIN"])


def test_whoever_applies_keeps_the_right_to_apply() -> None:
    """The provider adds who applies to the rights on warehouse and pools; left unsaid, it is drift for the next, or refused."""
    compute = module("compute").resources
    for resource, level in (("warehouse", "IS_OWNER"), ("pool", "CAN_MANAGE")):
        rights = {
            str(right.get("service_principal_name")): right["permission_level"]
            for right in compute["databricks_permissions", resource]["access_control"]
        }
        assert rights["${var.deployer_client_id}"] == level
        assert compute["databricks_permissions", resource]["depends_on"] == ["${databricks_service_principal.this}"]


def test_unity_catalog_tries_a_place_once_it_may_and_only_where_there_is_a_file() -> None:
    assert module("storage").outputs["urls"]["depends_on"] == ["${azurerm_role_assignment.connector}", "${azurerm_private_endpoint.this}"]
    landing = module("catalog").resources["databricks_external_location", "landing"]
    assert (landing["read_only"], landing["skip_validation"]) == (True, True)


def test_a_machine_starts_where_there_is_a_way_out() -> None:
    outputs = module("network").outputs
    assert "${azurerm_subnet_nat_gateway_association.workspace}" in outputs["workspace_subnets"]["depends_on"]
    assert "${azurerm_subnet_nat_gateway_association.containers}" in outputs["service_subnet_ids"]["depends_on"]


def test_names_that_all_of_azure_shares_are_ours_alone() -> None:
    text = text_of("modules", "platform", "main.tf")
    for name in ("storage_account_name", "account_name", "vault_name", "registry_name", "database_server_name"):
        (value,) = re.findall(rf'^  {name} += "(.+)"$', text, re.MULTILINE)
        assert "${var.unique}" in value, name
    assert module("dagster").resources["azurerm_postgresql_flexible_server", "this"]["name"] == "${var.database_server_name}"


def test_an_alert_that_is_open_hides_no_other_one() -> None:
    """A stateful alert tells of nothing while it is open: one a run or table, one an environment."""
    text = text_of("modules", "observability", "main.tf")
    dimensions = {name: json.loads(found) for name, found in re.findall(r"^    (\w+) += \{ severity.*dimensions = (\[.*?\]) \}$", text, re.MULTILINE)}
    assert dimensions == {"attention": ["Subject", "Environment"], "silence": ["Environment"], "no_heartbeat": [], "lost_logs": ["Table"]}
    assert "periods" not in text.split("usual_alerts")[1].split("}\n  }")[0], "of a count without a time Azure makes no points of several periods"
    for name, columns in dimensions.items():
        query = (TERRAFORM.parent / "kql" / "alerts" / f"{name}.kql").read_text(encoding="utf-8")
        assert [column for column in columns if not re.search(rf"\b{column}\b", query)] == []


def test_what_a_rule_cannot_store_is_logged() -> None:
    setting = module("observability").resources["azurerm_monitor_diagnostic_setting", "rule"]
    assert setting["target_resource_id"] == "${azurerm_monitor_data_collection_rule.this.id}"
    assert [each["category"] for each in setting["enabled_log"]] == ["LogErrors"]


def test_a_database_is_made_once_its_name_can_be_found() -> None:
    zones = module("network").outputs["private_dns_zone_ids"]
    assert zones["depends_on"] == ["${azurerm_private_dns_zone_virtual_network_link.this}"]
    assert 'postgres_dns_zone_id      = module.network.private_dns_zone_ids["postgres"]' in text_of("modules", "platform", "main.tf")


def test_an_app_is_given_the_secrets_that_it_needs() -> None:
    """Runs and sensors are in the code location; the others ask the database, and it."""
    text = text_of("modules", "dagster", "main.tf")
    given = dict(re.findall(r"^    (\w+) +=.* secrets = (.+), args", text, re.MULTILINE))
    assert given == {
        "code": "keys(local.secrets)",
        "web": "local.instance",
        "daemon": "local.instance",
        "heartbeat": "concat(local.instance, keys(local.chat))",
    }
    assert re.search(r'^  instance +. \["DAGSTER_POSTGRES_PASSWORD"\]$', text, re.MULTILINE)
    app = module("dagster").resources["azurerm_container_app", "this"]
    assert "local.secrets[" in str(app)
    assert "for_each': '${local.secrets}" not in str(app)


def test_what_holds_data_or_lets_somebody_in_sends_its_logs() -> None:
    watched = text_of("modules", "platform", "main.tf").split("  watched = {")[1].split("\n  }\n")[0]
    assert set(re.findall(r"^    (\w+) +=", watched, re.MULTILINE)) == {"databricks", "vault", "lake", "database", "registry", "containers"}


def test_what_a_container_writes_arrives_without_the_shared_key() -> None:
    """Container Apps' own way to Log Analytics signs in with a key that the workspace refuses; a diagnostic setting does not."""
    assert module("observability").resources["azurerm_log_analytics_workspace", "this"]["local_authentication_enabled"] is False
    environment = module("dagster").resources["azurerm_container_app_environment", "this"]
    assert (environment["logs_destination"], "log_analytics_workspace_id" in environment) == ("azure-monitor", False)
    assert "containers = { resource_id = module.dagster.containers_id }" in text_of("modules", "platform", "main.tf")


def test_the_web_server_may_sign_links_to_the_steps_logs() -> None:
    """``get_user_delegation_key`` acts on the account: a role on the container alone is refused, and so is each step's log in the UI."""
    found = module("storage").resources["azurerm_role_assignment", "dagster_delegates"]
    assert (found["scope"], found["role_definition_name"]) == ("${azurerm_storage_account.this.id}", "Storage Blob Delegator")
    assert found["principal_id"] == "${var.dagster_principal_id}"


def test_as_many_runs_go_at_once_as_clusters_and_memory_bear() -> None:
    """Measured, one process each: 162 MB a run beside the code server's, 208 MB a step; the container is killed when its memory is full."""
    instance = yaml.safe_load((TERRAFORM.parent / "container" / "dagster.yaml").read_text(encoding="utf-8"))
    runs, steps = instance["concurrency"]["runs"]["max_concurrent_runs"], DatabricksSettings.model_fields["parallel"].default
    compute = module("compute").resources
    policies = [compute["databricks_cluster_policy", name]["max_clusters_per_user"] for name in ("job", "pool")]
    assert runs * steps <= min(*policies, compute["databricks_instance_pool", "on_demand"]["max_capacity"])
    (memory,) = re.findall(r'^    code .* memory = "(\d+)Gi"', text_of("modules", "dagster", "main.tf"), re.MULTILINE)
    assert 0.3 + runs * (0.17 + steps * 0.21) < 0.8 * int(memory)


def test_the_databases_subnet_reaches_storage() -> None:
    (endpoint,) = module("network").resources["azurerm_subnet", "service"]["dynamic"]
    assert "Microsoft.Storage" in str(endpoint) and "postgres" in str(endpoint)


def test_the_host_may_write_where_its_sensors_write_and_nowhere_else_in_the_lake() -> None:
    from resources.alerts.outbox import Outbox  # noqa: PLC0415
    from resources.drift.record import Drifts  # noqa: PLC0415
    from resources.freshness import FreshnessLog  # noqa: PLC0415

    assert {made("lake")._path.rpartition("/")[0] for made in (Outbox, Drifts, FreshnessLog)} == {"lake/ops"}
    roles = module("storage").resources
    written = roles["azurerm_role_assignment", "dagster_writes_ops"]
    assert written["condition_version"] == "2.0"
    role = roles["azurerm_role_definition", "files"]["permissions"][0]
    assert role["actions"] == ["Microsoft.Storage/storageAccounts/blobServices/containers/read"], (
        "a condition on files keeps nobody from a whole container"
    )
    assert role["data_actions"] == '${[for action in concat(["read"], local.writing) : "${local.blobs}/${action}"]}'
    for name in ("dagster_writes_ops", "dagster_writes_logs"):
        assert roles["azurerm_role_assignment", name]["role_definition_id"] == "${azurerm_role_definition.files.role_definition_resource_id}"
    assert written["condition"] == "((${local.is_no_writing}) OR (@Resource[${local.blobs}:path] StringLike 'ops/*'))"
    assert '["write", "add/action", "delete", "move/action"]' in text_of("modules", "storage", "main.tf"), "the role's data actions, but reading"
    assert roles["azurerm_role_assignment", "dagster_reads"]["role_definition_name"] == "Storage Blob Data Reader"


def test_the_deployer_signs_in_by_what_github_calls_the_repository() -> None:
    """With the numbers of owner and repository since July 2026: a name that somebody else takes over is not enough."""
    found = module("identity").resources["azuread_application_federated_identity_credential", "github"]
    assert found["subject"] == "${var.github_subject}:environment:${var.environment}"
    (pattern,) = re.findall(r'regex\("(.+)", var.github_subject\)', text_of("modules", "identity", "variables.tf"))
    for good in ("repo:globalbev/lakehouse", "repo:globalbev@12/lakehouse@345"):
        assert re.search(pattern, good)
    for bad in ("globalbev/lakehouse", "repo:globalbev/lakehouse:environment:prod", "repo:*/lakehouse"):
        assert not re.search(pattern, bad)


def test_a_rollback_may_restore_what_a_policy_guards() -> None:
    member = module("identity").resources["azuread_group_member", "deployer_is_etl"]
    assert member["group_object_id"] == '${azuread_group.role["etl"].object_id}'
    assert member["member_object_id"] == '${azuread_service_principal.this["deployer"].object_id}'
