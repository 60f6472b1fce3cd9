output "groups" {
  description = "Display name of each role's group."
  value       = { for role, group in azuread_group.role : role => group.display_name }
}

output "group_object_ids" {
  description = "Object id of each role's group."
  value       = { for role, group in azuread_group.role : role => group.object_id }
}

output "client_ids" {
  description = "Client id of each application: pipeline, deployer, dagster. Databricks names service principals so."
  value       = { for name, application in azuread_application.this : name => application.client_id }
}

output "principal_ids" {
  description = "Object id of each application's service principal, for Azure roles."
  value       = { for name, principal in azuread_service_principal.this : name => principal.object_id }
}
