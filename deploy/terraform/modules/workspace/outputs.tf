output "workspace_id" {
  description = "Number of the workspace, as Databricks knows it."
  value       = azurerm_databricks_workspace.this.workspace_id
}

output "resource_id" {
  description = "Azure resource id of the workspace."
  value       = azurerm_databricks_workspace.this.id
}

output "host" {
  description = "Address of the workspace: the value of DATABRICKS_HOST."
  value       = "https://${azurerm_databricks_workspace.this.workspace_url}"
}

output "managed_resource_group_name" {
  description = "Resource group of the workspace's machines, which is Databricks'."
  value       = azurerm_databricks_workspace.this.managed_resource_group_name
}

output "access_connector_id" {
  description = "Azure resource id of the access connector."
  value       = azurerm_databricks_access_connector.this.id
}

output "connector_principal_id" {
  description = "Identity of the access connector."
  value       = azurerm_databricks_access_connector.this.identity[0].principal_id
}
