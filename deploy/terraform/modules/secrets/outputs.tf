output "vault_id" {
  description = "Resource id of the vault."
  value       = azurerm_key_vault.this.id
}

output "vault_uri" {
  description = "Address of the vault, once it can be reached and read: the apps and the secret scope are refused before."
  value       = azurerm_key_vault.this.vault_uri

  depends_on = [azurerm_private_endpoint.this, azurerm_role_assignment.dagster, azurerm_role_assignment.secret_scope]
}
