# The vault. Values are set by hand or by a rotation, never here: what Terraform sets, its state holds in the clear.

resource "azurerm_key_vault" "this" {
  name                          = var.vault_name
  location                      = var.location
  resource_group_name           = var.resource_group_name
  tenant_id                     = var.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = 90
  public_network_access_enabled = false
  tags                          = var.tags

  network_acls {
    default_action = "Deny"
    bypass         = "AzureServices"
  }
}

# AzureServices lets the secret scope in: Databricks' control plane asks the vault, not a cluster.
resource "azurerm_role_assignment" "secret_scope" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = var.databricks_application_object_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "dagster" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = var.dagster_principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "officers" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = var.officers_group_id
  principal_type       = "Group"
}

resource "azurerm_private_endpoint" "this" {
  name                = "pe-${var.name}-vault"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.endpoints_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "psc-${var.name}-vault"
    private_connection_resource_id = azurerm_key_vault.this.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "vault"
    private_dns_zone_ids = [var.private_dns_zone_ids["vault"]]
  }
}
