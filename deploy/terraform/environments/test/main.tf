# Every value that makes this environment another one than its siblings stands here or in backend.hcl.

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true
  use_oidc            = var.is_github

  features {
    key_vault {
      purge_soft_delete_on_destroy    = false
      recover_soft_deleted_key_vaults = true
    }

    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}

provider "azuread" {
  use_oidc = var.is_github
}

# A person's sign-in finds the address by the id; GitHub's token is not even tried without it.
provider "databricks" {
  host                        = module.platform.host
  azure_workspace_resource_id = module.platform.workspace_resource_id
  auth_type                   = var.is_github ? "github-oidc-azure" : "azure-cli"
}

module "platform" {
  source = "../../modules/platform"

  environment               = "test"
  location                  = var.location
  address_space             = "10.40.4.0/22"
  unique                    = var.unique
  replication               = "ZRS"
  is_public                 = true
  github_subject            = var.github_subject
  group_owners              = var.group_owners
  teams                     = var.teams
  cost_center               = var.cost_center
  monthly_budget            = 300
  log_retention_days        = 30
  mail_addresses            = var.mail_addresses
  has_chat                  = false
  most_workers              = 2
  inventory_url             = var.inventory_url
  start_date                = "2026-01-01"
  has_pool                  = true
  pool_idle_instances       = 0
  postgres_password         = var.postgres_password
  postgres_password_version = 1
}
