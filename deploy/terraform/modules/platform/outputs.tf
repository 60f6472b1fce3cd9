output "settings" {
  description = "What the containers are told, and what the deployment needs; nothing of it is secret."
  value = merge(local.settings, {
    DATABRICKS_HOST = module.workspace.host
    CATALOG         = module.catalog.catalog
    WAREHOUSE_ID    = module.compute.warehouse_id
  })
}

output "host" {
  description = "Address of the workspace."
  value       = module.workspace.host
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
  description = "Vault whose secrets have to be set by hand: mask-salt, globalbev-shop-dsn, globalbev-inventory-token, databricks-client-secret, dagster-postgres-password."
  value       = module.secrets.vault_uri
}

output "registry_id" {
  description = "Azure resource id of the registry."
  value       = module.dagster.registry_id
}

output "client_ids" {
  description = "Client ids of the applications: pipeline, deployer."
  value       = module.identity.client_ids
}

output "web_address" {
  description = "Address of Dagster's web server, inside the network."
  value       = module.dagster.web_address
}

output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = module.dagster.registry
}
