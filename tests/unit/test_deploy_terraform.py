"""`deploy/terraform` is in order against the providers' schema, says what the code says, and the check that tells so can fail."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.checks.provider_schema import SCHEMA
from deploy.checks.terraform_check import problems, read_module
from deploy.checks.terraform_files import TERRAFORM, files, resource_types
from deploy.checks.terraform_form import form_problems
from globalbev_assets.contracts.names import LAYERS
from globalbev_assets.governance.masks import FILTER_TAG, MASK_TAG, MASKS
from globalbev_assets.governance.principals import ROLES, Groups
from globalbev_assets.governance.scripts import SCHEMAS, SECRET_SCOPE, unity_contracts
from globalbev_assets.governance.tables import RANKS
from tests.unit.contract_files import packaged

GOOD = """variable "name" {
  description = "Name."
  type        = string
}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = "westeurope"
}

resource "azurerm_storage_account" "this" {
  name                     = azurerm_resource_group.this.name
  location                 = azurerm_resource_group.this.location
  resource_group_name      = azurerm_resource_group.this.name
  account_tier             = "Standard"
  account_replication_type = "ZRS"

  network_rules {
    default_action = "Deny"
  }
}
"""


@cache
def schema() -> Any:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def text_of(*parts: str) -> str:
    return TERRAFORM.joinpath(*parts).read_text(encoding="utf-8")


def test_everything_is_in_order() -> None:
    assert list(problems(TERRAFORM, schema())) == []


def test_the_schema_knows_what_is_used_and_says_of_which_providers_it_is() -> None:
    assert resource_types(TERRAFORM) == schema()["types"].keys(), "run `make deploy-schema`"
    for path in TERRAFORM.rglob("versions.tf"):
        for name, version in re.findall(r'source  = "\w+/(\w+)"\n\s+version = "~> ([\d.]+)"', path.read_text()):
            assert schema()["providers"][name]["version"].startswith(f"{version}."), path


def test_an_order_is_not_found_fault_with(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []


@pytest.mark.parametrize(("old", "new", "told"), [
    ('  account_tier             = "Standard"\n', "", "account_tier is missing"),
    ("account_tier ", "account_teir ", "no argument account_teir"),
    ("network_rules {", "network_rulez {", "no block network_rulez"),
    ("network_rules {", "network_rules = {", "no argument network_rules, it is a block"),
    ('    default_action = "Deny"\n', "", "default_action is missing"),
    ('"azurerm_storage_account"', '"azurerm_storage_acount"', "no such type"),
    ("var.name", "var.nam", "var.nam is declared nowhere"),
    ("azurerm_resource_group.this.location", "azurerm_resource_group.that.location", "azurerm_resource_group.that is declared nowhere"),
    ("azurerm_resource_group.this.location", "azurerm_resource_group.this.place", "azurerm_resource_group.this.place cannot be read"),
    ("azurerm_resource_group.this.location", "module.network.location", "module.network.location is no output"),
    ('  description = "Name."\n', "", "variable name has no type or does not say"),
    ("  name     = var.name\n", '  name     = "x"\n', "variable name is used nowhere"),
    ('resource "azurerm_resource_group" "this" {', 'resource "random_password" "p" {\n  length = 8\n}\n\nresource "azurerm_resource_group" "this" {',
     "puts a secret into the state"),
    ("  location = ", "   location = ", "indented by 3"),
    ("  name     = var", "  name = var", "= is not below"),
])  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    assert any(told in problem for problem in found(tmp_path, GOOD.replace(old, new))), found(tmp_path, GOOD.replace(old, new))


def found(folder: Path, text: str) -> list[str]:
    (folder / "main.tf").write_text(text)
    return list(problems(folder, schema()))


@pytest.mark.parametrize(("call", "told"), [
    ('  source = "./inner"\n', "module inner: size is missing"),
    ('  source = "./inner"\n  size   = 1\n  sise   = 1\n', "module inner: no variable sise"),
    ('  source = "./outer"\n', "nothing lies at ./outer"),
])  # fmt: skip
def test_a_module_gets_what_it_wants(tmp_path: Path, call: str, told: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.tf").write_text(
        'variable "size" {\n  description = "Size."\n  type        = number\n}\n\nlocals {\n  s = var.size + local.s\n}\n'
    )
    assert any(told in problem for problem in found(tmp_path, f'module "inner" {{\n{call}}}\n'))


@pytest.mark.parametrize(("text", "is_good"), [
    ('a = 1\nbc = 2\n', False), ('a  = 1\nbc = 2\n', True), ('a = {\n  b = 1\n}\n', True), ('a = {\n    b = 1\n}\n', False),
    ('a = f(g({\n  b = 1\n}))\n', True), ('a = 1 \n', False), ('a = 1', False), ('a = 1\n\n\n', False), ('# x\na = 1\n', True),
    ('a = "{"\nb = 1\n', True), ('a = 1 # why\n', False),
])  # fmt: skip
def test_the_form_is_terraforms(text: str, is_good: bool) -> None:
    """Held against `terraform fmt` 1.11.4 with 150 random slips in our files: 150 of 150 judged alike."""
    assert (list(form_problems(text)) == []) is is_good


def test_the_groups_are_those_that_the_grants_name() -> None:
    written = dict(
        re.findall(r'^    ([a-z-]+) += "(.+)"$', text_of("modules", "identity", "main.tf").split("roles = {")[1].split("}")[0], re.MULTILINE)
    )
    assert written == ROLES
    assert 'display_name            = "${var.prefix}-${each.key}"' in text_of("modules", "identity", "main.tf")
    assert Groups("globalbev_dev").prefix == "globalbev-dev"


@pytest.mark.parametrize("environment", ["dev", "test", "prod"])
def test_every_team_of_a_contract_has_a_group(environment: str) -> None:
    body = read_module(TERRAFORM / "environments" / environment).variables["teams"]
    teams = {contract.team for contract in unity_contracts(packaged()).values() if contract.team}
    assert {name.strip('"') for name in body["default"]} == teams


def test_the_schemas_and_tags_are_those_of_the_generated_sql() -> None:
    written = re.findall(r'^    (\w+) += "(.+)"$', text_of("modules", "catalog", "main.tf").split("schemas = {")[1].split("}")[0], re.MULTILINE)
    assert dict(written) == SCHEMAS
    assert set(SCHEMAS) == set(LAYERS)
    tags = {
        name: re.findall(r'"(\w+)"', values)
        for name, values in re.findall(r"^    (\w+) += \[(.+)\]$", text_of("environments", "shared", "main.tf"), re.MULTILINE)
    }
    assert tags == {MASK_TAG: list(MASKS), FILTER_TAG: ["market"], "globalbev_classification": list(RANKS)}
    assert f'name = "{SECRET_SCOPE}"' in text_of("modules", "compute", "main.tf")


def test_every_variable_that_a_contract_names_is_given_to_dagster() -> None:
    """The launcher reads addresses when it submits a step: a missing one would end each of them, in the cloud."""
    from resources.databricks_cluster import PLAIN_OPTIONS, secret_key, secret_references  # noqa: PLC0415
    from resources.databricks_settings import DatabricksSettings  # noqa: PLC0415

    book, settings, secrets = packaged(), text_of("modules", "platform", "main.tf"), text_of("modules", "dagster", "main.tf")
    for reference in secret_references(DatabricksSettings(_env_file=None), book):
        assert re.search(rf'^    {reference["name"]} += "{secret_key(reference["name"])}"$', secrets, re.MULTILINE)
    plain = {str(value) for name in book for option, value in book[name].source.options.items() if option in PLAIN_OPTIONS}
    assert plain == {"GLOBALBEV_INVENTORY_URL"}
    assert all(re.search(rf"^    {name} += var\.", settings, re.MULTILINE) for name in plain)


def test_dagster_is_told_nothing_that_no_setting_takes() -> None:
    from resources.databricks_settings import PREFIX, DatabricksSettings  # noqa: PLC0415
    from resources.settings import Settings  # noqa: PLC0415

    given = set(re.findall(r"^ +(GLOBALBEV_\w+) += ", "".join(path.read_text() for path in sorted(TERRAFORM.rglob("*.tf"))), re.MULTILINE))
    known = {f"GLOBALBEV_{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}{name.upper()}" for name in DatabricksSettings.model_fields}
    assert given - known == set()
    assert len(given) > 20


@pytest.mark.parametrize("environment", ["dev", "test", "prod", "shared"])
def test_what_an_environment_has_to_be_told_is_in_its_example(environment: str) -> None:
    declared = read_module(TERRAFORM / "environments" / environment).variables
    given = set(re.findall(r"^(\w+) += ", text_of("environments", environment, "terraform.tfvars.example"), re.MULTILINE))
    assert {name for name, of in declared.items() if "default" not in of} == given | ({"postgres_password"} & declared.keys())


def test_every_file_that_terraform_reads_is_there() -> None:
    """Queries and log tables lie beside it; a plan would be the first to notice."""
    text = text_of("modules", "observability", "main.tf")
    tables = re.search(r"for name in (\[.+?\]) : name => jsondecode", text)[1]  # type: ignore[index]
    alerts = re.findall(r"^    (\w+) += \{ severity", text, re.MULTILINE)
    wanted = [f"log-analytics/{name}_table.json" for name in json.loads(tables)] + [f"kql/alerts/{name}.kql" for name in alerts]
    assert len(wanted) == 6
    assert [name for name in wanted if not (TERRAFORM.parent / name).is_file()] == []


def test_the_policy_fixes_the_tags_that_the_cluster_is_asked_for_with() -> None:
    """The names under which cost is exported; a cluster with others is refused."""
    tags = re.findall(r"^    (\w+) +=", text_of("modules", "platform", "main.tf").split("cost_tags = {")[1].split("}")[0], re.MULTILINE)
    assert set(tags) == {"team", "env", "cost_center", "data_product"}


def test_an_erasure_is_out_of_the_bin_in_time() -> None:
    """30 days are promised; what VACUUM removed stays that long in the account's bin."""
    from globalbev_assets.transforms.schemas import FILE_RETENTION_DAYS  # noqa: PLC0415

    days = int(re.search(r'"soft_delete_days" \{.*?default     = (\d+)', text_of("modules", "storage", "variables.tf"), re.DOTALL)[1])  # type: ignore[index]
    assert days + FILE_RETENTION_DAYS + 7 <= 30  # and a week until the next VACUUM


def test_no_file_holds_a_secret() -> None:
    suspicious = re.compile(r'^(?!\s*key )\s*\w*(password|secret|token|key)\w* += "(?!\$)([^"]{12,})"', re.IGNORECASE)
    names = {"databricks-client-secret", "dagster-postgres-password", "globalbev-inventory-token"}
    lines = [line.strip() for path in files(TERRAFORM) for line in path.read_text().splitlines() if suspicious.search(line)]
    assert [line for line in lines if suspicious.search(line)[2] not in names] == []  # type: ignore[index]
    assert suspicious.search('client_secret = "abcdefghijklmnop"')
