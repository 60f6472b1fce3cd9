# One environment, whole. The modules below know nothing of each other; what one needs of another is handed over here.

locals {
  catalog = "globalbev_${var.environment}"
  name    = "globalbev-${var.environment}"
  cost_tags = {
    team         = "data-platform"
    env          = var.environment
    cost_center  = var.cost_center
    data_product = "globalbev-lakehouse"
  }
  # A pool's machines are still there when the next step of a run asks; without one every step waits minutes for its own.
  cluster_settings = var.has_pool ? {
    GLOBALBEV_DATABRICKS_POLICY_ID = module.compute.policy_ids["pool"]
    GLOBALBEV_DATABRICKS_POOL_ID   = module.compute.pool_ids["workers"]
  } : { GLOBALBEV_DATABRICKS_POLICY_ID = module.compute.policy_ids["job"] }
  # Every variable that Dagster's containers and the deployment need; deploy/README.md says what each is.
  settings = merge(local.cluster_settings, {
    GLOBALBEV_ENV                    = var.environment
    GLOBALBEV_LAKE                   = module.storage.urls["lake"]
    GLOBALBEV_LANDING                = module.catalog.volumes["landing"]
    GLOBALBEV_LANDING_URL            = module.storage.urls["landing"]
    GLOBALBEV_INVENTORY_URL          = var.inventory_url
    GLOBALBEV_START_DATE             = var.start_date
    GLOBALBEV_DATABRICKS_HOST        = module.workspace.host
    GLOBALBEV_DATABRICKS_AUTH        = "oauth"
    GLOBALBEV_DATABRICKS_CLIENT_ID   = module.identity.client_ids["pipeline"]
    GLOBALBEV_DATABRICKS_RUNTIME     = module.compute.spark_version
    GLOBALBEV_DATABRICKS_WORKERS     = "1-${var.most_workers}"
    GLOBALBEV_DATABRICKS_CATALOG     = module.catalog.catalog
    GLOBALBEV_DATABRICKS_HOME        = module.catalog.volumes["home"]
    GLOBALBEV_DATABRICKS_VOLUME      = module.catalog.volumes["pipes"]
    GLOBALBEV_DATABRICKS_SCOPE       = module.compute.secret_scope
    GLOBALBEV_DATABRICKS_RUN_AS      = module.identity.client_ids["pipeline"]
    GLOBALBEV_DATABRICKS_READERS     = module.identity.groups["engineers"]
    GLOBALBEV_DATABRICKS_COST_CENTER = var.cost_center
    DAGSTER_LOGS_ACCOUNT             = module.storage.account_name
    DAGSTER_LOGS_CONTAINER           = "dagster-logs"
  })
  watched = {
    databricks = { resource_id = module.workspace.resource_id }
    vault      = { resource_id = module.secrets.vault_id }
    lake       = { resource_id = "${module.storage.account_id}/blobServices/default", categories = ["StorageRead", "StorageWrite", "StorageDelete"] }
    database   = { resource_id = module.dagster.database_server_id, categories = ["PostgreSQLLogs"] }
    registry   = { resource_id = module.dagster.registry_id }
    containers = { resource_id = module.dagster.containers_id }
  }
}

data "azurerm_client_config" "current" {}

data "azurerm_subscription" "current" {}

# The first-party application of Databricks: the same client id in every tenant, another object id in each.
data "azuread_service_principal" "databricks" {
  client_id = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${local.name}"
  location = var.location
  tags     = local.cost_tags
}

module "identity" {
  source = "../identity"

  prefix         = local.name
  environment    = var.environment
  github_subject = var.github_subject
  teams          = var.teams
  owners         = var.group_owners

  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.cost_tags
}

module "network" {
  source = "../network"

  name                = local.name
  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = var.address_space
  tags                = local.cost_tags
}

module "workspace" {
  source = "../workspace"

  name                 = local.name
  location             = var.location
  resource_group_name  = azurerm_resource_group.this.name
  storage_account_name = "dbfsglobalbev${var.environment}${var.unique}"
  virtual_network_id   = module.network.virtual_network_id
  workspace_subnets    = module.network.workspace_subnets
  endpoints_subnet_id  = module.network.endpoints_subnet_id
  private_dns_zone_ids = module.network.private_dns_zone_ids
  is_public            = var.is_public
  tags                 = local.cost_tags
}

module "storage" {
  source = "../storage"

  name                   = local.name
  account_name           = "stglobalbev${var.environment}${var.unique}"
  location               = var.location
  resource_group_name    = azurerm_resource_group.this.name
  replication            = var.replication
  endpoints_subnet_id    = module.network.endpoints_subnet_id
  private_dns_zone_ids   = module.network.private_dns_zone_ids
  access_connector_id    = module.workspace.access_connector_id
  connector_principal_id = module.workspace.connector_principal_id
  dagster_principal_id   = module.identity.dagster.principal_id
  tags                   = local.cost_tags
}

module "secrets" {
  source = "../secrets"

  name                             = local.name
  vault_name                       = "kv-globalbev-${var.environment}-${var.unique}"
  location                         = var.location
  resource_group_name              = azurerm_resource_group.this.name
  tenant_id                        = data.azurerm_client_config.current.tenant_id
  endpoints_subnet_id              = module.network.endpoints_subnet_id
  private_dns_zone_ids             = module.network.private_dns_zone_ids
  databricks_application_object_id = data.azuread_service_principal.databricks.object_id
  officers_group_id                = module.identity.group_object_ids["secret-officers"]
  dagster_principal_id             = module.identity.dagster.principal_id
  tags                             = local.cost_tags
}

module "members" {
  source = "../members"

  groups     = module.identity.groups
  object_ids = module.identity.all_group_ids
  members    = concat([for role in ["engineers", "analysts", "etl", "admins"] : module.identity.groups[role]], module.identity.team_groups)
}

module "catalog" {
  source = "../catalog"

  catalog             = local.catalog
  workspace_id        = module.workspace.workspace_id
  access_connector_id = module.workspace.access_connector_id
  urls                = module.storage.urls
  groups              = module.members.groups
}

module "compute" {
  source = "../compute"

  name                = local.name
  groups              = module.members.groups
  pipeline_client_id  = module.identity.client_ids["pipeline"]
  deployer_client_id  = module.identity.client_ids["deployer"]
  vault_id            = module.secrets.vault_id
  vault_uri           = module.secrets.vault_uri
  most_workers        = var.most_workers
  pool_idle_instances = var.pool_idle_instances
  cost_tags           = local.cost_tags
}

module "observability" {
  source = "../observability"

  name                     = local.name
  location                 = var.location
  resource_group_name      = azurerm_resource_group.this.name
  subscription_resource_id = data.azurerm_subscription.current.id
  resource_groups          = [azurerm_resource_group.this.name, module.workspace.managed_resource_group_name]
  watched                  = local.watched
  dagster_principal_id     = module.identity.dagster.principal_id
  retention_days           = var.log_retention_days
  daily_quota_gb           = var.log_daily_quota_gb
  mail_addresses           = var.mail_addresses
  alert_settings           = var.alert_settings
  monthly_budget           = var.monthly_budget
  tags                     = local.cost_tags
}

module "dagster" {
  source = "../dagster"

  name                      = local.name
  registry_name             = "crglobalbev${var.environment}${var.unique}"
  database_server_name      = "psql-${local.name}-${var.unique}"
  location                  = var.location
  resource_group_name       = azurerm_resource_group.this.name
  service_subnet_ids        = module.network.service_subnet_ids
  postgres_dns_zone_id      = module.network.private_dns_zone_ids["postgres"]
  identity                  = module.identity.dagster
  deployer_principal_id     = module.identity.deployer_principal_id
  vault_uri                 = module.secrets.vault_uri
  has_chat                  = var.has_chat
  postgres_password         = var.postgres_password
  postgres_password_version = var.postgres_password_version
  tags                      = local.cost_tags

  settings = merge(module.observability.shipping, local.settings)
}
