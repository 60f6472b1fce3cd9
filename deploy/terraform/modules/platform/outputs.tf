output "settings" {
  description = "What the pipeline's settings are to be in this environment; nothing of it is secret."
  value = {
    GLOBALBEV_ENV     = var.environment
    GLOBALBEV_LAKE    = module.storage.urls["lake"]
    GLOBALBEV_LANDING = module.storage.urls["landing"]
    DATABRICKS_HOST   = module.workspace.host
    CATALOG           = module.catalog.catalog
    JOB_POLICY_ID     = module.compute.policy_ids["job"]
    POOL_POLICY_ID    = module.compute.policy_ids["pool"]
    WORKERS_POOL_ID   = module.compute.pool_ids["workers"]
    WAREHOUSE_ID      = module.compute.warehouse_id
    SECRET_SCOPE      = module.compute.secret_scope
  }
}

output "workspace_resource_id" {
  description = "Azure resource id of the workspace, by which the provider finds it."
  value       = module.workspace.resource_id
}

output "outbound_address" {
  description = "The address that the sources have to allow."
  value       = module.network.outbound_address
}

output "vault_uri" {
  description = "Vault whose secrets have to be set by hand: mask-salt, shop-dsn, inventory-token, databricks-client-secret, dagster-postgres-password."
  value       = module.secrets.vault_uri
}

output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = module.dagster.registry
}
