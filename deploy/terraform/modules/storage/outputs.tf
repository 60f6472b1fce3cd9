output "account_id" {
  description = "Resource id of the account."
  value       = azurerm_storage_account.this.id
}

output "account_name" {
  description = "Name of the account."
  value       = azurerm_storage_account.this.name
}

output "urls" {
  description = "URL of each container; that of `lake` is the value of GLOBALBEV_LAKE."
  value       = { for name, container in azurerm_storage_container.this : name => "abfss://${container.name}@${azurerm_storage_account.this.name}.dfs.core.windows.net" }

  # Unity Catalog tries each place that it is told of: not before it may.
  depends_on = [azurerm_role_assignment.connector, azurerm_private_endpoint.this]
}
