output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = azurerm_container_registry.this.login_server
}

output "registry_id" {
  description = "Azure resource id of the registry, from which another subscription imports images."
  value       = azurerm_container_registry.this.id
}

output "database_server_id" {
  description = "Azure resource id of the database's server, whose logs are kept."
  value       = azurerm_postgresql_flexible_server.this.id
}

output "containers_id" {
  description = "Azure resource id of the containers' environment, whose output is kept."
  value       = azurerm_container_app_environment.this.id
}

output "web_address" {
  description = "Address of the web server, inside the network."
  value       = local.web_address
}

output "apps" {
  description = "Names of the container apps: code, web, daemon, heartbeat."
  value       = { for key, app in azurerm_container_app.this : key => app.name }
}
