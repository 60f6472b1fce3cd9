output "settings" {
  description = "What the pipeline's settings are to be in this environment."
  value       = module.platform.settings
}

output "outbound_address" {
  description = "The address that the sources have to allow."
  value       = module.platform.outbound_address
}

output "host" {
  description = "Address of the workspace, which deploy/terraform/environments/shared asks for."
  value       = module.platform.host
}

output "workspace_resource_id" {
  description = "Azure resource id of the workspace, which deploy/terraform/environments/shared asks for."
  value       = module.platform.workspace_resource_id
}

output "registry_id" {
  description = "Azure resource id of the registry: dev's is SOURCE_REGISTRY_ID of the others."
  value       = module.platform.registry_id
}

output "client_ids" {
  description = "Client ids of the applications: deployer is AZURE_CLIENT_ID, pipeline is PIPELINE_CLIENT_ID."
  value       = module.platform.client_ids
}

output "web_address" {
  description = "Address of Dagster's web server, inside the network."
  value       = module.platform.web_address
}

output "vault_uri" {
  description = "Vault whose secrets have to be set by hand."
  value       = module.platform.vault_uri
}

output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = module.platform.registry
}
