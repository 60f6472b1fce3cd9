output "groups" {
  description = "Display name of each role's group."
  value       = { for role, group in azuread_group.role : role => group.display_name }
}

output "group_object_ids" {
  description = "Object id of each role's group."
  value       = { for role, group in azuread_group.role : role => group.object_id }
}

output "all_group_ids" {
  description = "Object id of each group, of roles and of teams, by its display name."
  value       = { for group in concat(values(azuread_group.role), values(azuread_group.team)) : group.display_name => group.object_id }
}

output "team_groups" {
  description = "Display names of the teams' groups."
  value       = [for group in azuread_group.team : group.display_name]
}

output "client_ids" {
  description = "Client id of each application: pipeline, deployer. Databricks names service principals so."
  value       = { for name, application in azuread_application.this : name => application.client_id }
}

output "deployer_principal_id" {
  description = "Object id of the deployer's service principal, for Azure roles."
  value       = azuread_service_principal.this["deployer"].object_id
}

output "dagster" {
  description = "Dagster's managed identity: resource id, principal id, client id."
  value = {
    id           = azurerm_user_assigned_identity.dagster.id
    principal_id = azurerm_user_assigned_identity.dagster.principal_id
    client_id    = azurerm_user_assigned_identity.dagster.client_id
  }
}
