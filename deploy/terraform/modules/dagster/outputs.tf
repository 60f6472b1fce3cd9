output "registry" {
  description = "Address of the registry that images are pushed to."
  value       = azurerm_container_registry.this.login_server
}

output "apps" {
  description = "Names of the container apps: code, web, daemon."
  value       = { for key, app in azurerm_container_app.this : key => app.name }
}
