# Entra groups for people, applications for machines. People sign in, GitHub by federation, Dagster in Azure by its managed identity. One secret is
# left, that of the pipeline's OAuth M2M at Databricks: made there by hand, kept in the vault, never here.
# Databricks takes the groups over from Entra by automatic identity management, which an account admin switches on once; see the module members.

locals {
  # The same roles as in globalbev_assets/governance/principals.py; tests/unit/test_deploy_terraform.py compares them.
  roles = {
    engineers       = "read every table; write through the pipeline alone"
    analysts        = "read silver and gold, personal data masked"
    pii-readers     = "see personal data unmasked in what they may read otherwise"
    all-markets     = "see the rows of all markets; other analysts see those of theirs"
    etl             = "the pipeline's service principals and the deployer's: read and write every table, unmasked"
    admins          = "own the catalog; change policies and grants"
    secret-officers = "set the values of the secrets; people, never the deployment"
  }
  applications = {
    pipeline = "Runs the steps on Databricks, signed in by OAuth M2M."
    deployer = "Deploys from GitHub: Terraform, bundle, SQL of the contracts."
  }
}

resource "azuread_group" "role" {
  for_each = local.roles

  display_name            = "${var.prefix}-${each.key}"
  description             = "GlobalBev: ${each.value}."
  security_enabled        = true
  prevent_duplicate_names = true
  owners                  = var.owners
}

resource "azuread_group" "team" {
  for_each = var.teams

  display_name            = "${var.prefix}-team-${each.value}"
  description             = "GlobalBev: owns tables; reads them and what their quarantine keeps aside."
  security_enabled        = true
  prevent_duplicate_names = true
  owners                  = var.owners
}

resource "azuread_application" "this" {
  for_each = local.applications

  display_name            = "${var.prefix}-${each.key}"
  description             = each.value
  sign_in_audience        = "AzureADMyOrg"
  prevent_duplicate_names = true
  owners                  = var.owners
}

resource "azuread_service_principal" "this" {
  for_each = azuread_application.this

  client_id                    = each.value.client_id
  app_role_assignment_required = true
  owners                       = var.owners
}

# Under which Dagster's containers run: reads vault, registry and lake, writes what its sensors find and its compute logs.
resource "azurerm_user_assigned_identity" "dagster" {
  name                = "id-${var.prefix}-dagster"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

# Only a job that runs in this GitHub environment, so after its approval, gets a token of the deployer.
resource "azuread_application_federated_identity_credential" "github" {
  application_id = azuread_application.this["deployer"].id
  display_name   = "github-${var.environment}"
  description    = "Jobs of ${var.github_subject} in the GitHub environment ${var.environment}."
  issuer         = "https://token.actions.githubusercontent.com"
  subject        = "${var.github_subject}:environment:${var.environment}"
  audiences      = ["api://AzureADTokenExchange"]
}

resource "azuread_group_member" "pipeline_is_etl" {
  group_object_id  = azuread_group.role["etl"].object_id
  member_object_id = azuread_service_principal.this["pipeline"].object_id
}

# A rollback restores tables under masks and row filters, whose history Databricks keeps from those whom a policy concerns. It may rewrite each policy anyway.
resource "azuread_group_member" "deployer_is_etl" {
  group_object_id  = azuread_group.role["etl"].object_id
  member_object_id = azuread_service_principal.this["deployer"].object_id
}

resource "azuread_group_member" "deployer_is_admin" {
  group_object_id  = azuread_group.role["admins"].object_id
  member_object_id = azuread_service_principal.this["deployer"].object_id
}
