output "settings" {
  description = "What the pipeline's settings are to be in this environment."
  value       = module.platform.settings
}

output "outbound_address" {
  description = "The address that the sources have to allow."
  value       = module.platform.outbound_address
}

output "vault_uri" {
  description = "Vault whose secrets have to be set by hand."
  value       = module.platform.vault_uri
}

output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = module.platform.registry
}
