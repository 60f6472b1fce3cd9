# The workspace and the identity by which Unity Catalog reaches the lake. Both exist before the storage account, which lets that identity in.

resource "azurerm_databricks_access_connector" "this" {
  name                = "dbac-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_databricks_workspace" "this" {
  name                                  = "dbw-${var.name}"
  location                              = var.location
  resource_group_name                   = var.resource_group_name
  managed_resource_group_name           = "rg-${var.name}-databricks-managed"
  sku                                   = "premium"
  public_network_access_enabled         = var.is_public
  network_security_group_rules_required = var.is_public ? "AllRules" : "NoAzureDatabricksRules"
  infrastructure_encryption_enabled     = true
  default_storage_firewall_enabled      = true
  access_connector_id                   = azurerm_databricks_access_connector.this.id
  tags                                  = var.tags

  # The firewall closes the managed account, where the DBFS root lies: clusters reach it by the two endpoints below.
  custom_parameters {
    storage_account_name                                 = var.storage_account_name
    no_public_ip                                         = true
    virtual_network_id                                   = var.virtual_network_id
    public_subnet_name                                   = var.workspace_subnets["host"].name
    public_subnet_network_security_group_association_id  = var.workspace_subnets["host"].association_id
    private_subnet_name                                  = var.workspace_subnets["container"].name
    private_subnet_network_security_group_association_id = var.workspace_subnets["container"].association_id
    storage_account_sku_name                             = "Standard_ZRS"
  }
}

# Clusters reach the control plane, and people and Dagster the workspace, without the internet.
resource "azurerm_private_endpoint" "this" {
  name                = "pe-${var.name}-databricks"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.endpoints_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "psc-${var.name}-databricks"
    private_connection_resource_id = azurerm_databricks_workspace.this.id
    subresource_names              = ["databricks_ui_api"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "databricks"
    private_dns_zone_ids = [var.private_dns_zone_ids["databricks"]]
  }
}

# The launcher's files on /dbfs, and the workspace's own: without these every cluster gets 403. The account belongs to Databricks, so its id is put together.
resource "azurerm_private_endpoint" "root" {
  for_each = toset(["blob", "dfs"])

  name                = "pe-${var.name}-root-${each.value}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.endpoints_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "psc-${var.name}-root-${each.value}"
    private_connection_resource_id = "${azurerm_databricks_workspace.this.managed_resource_group_id}/providers/Microsoft.Storage/storageAccounts/${var.storage_account_name}"
    subresource_names              = [each.value]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = each.value
    private_dns_zone_ids = [var.private_dns_zone_ids[each.value]]
  }
}

# Where people come by the network alone: Entra sends them back to this address after they signed in. One is enough for a region and a DNS zone, which
# here is the environment's own; it comes after the other, whose zone it shares.
resource "azurerm_private_endpoint" "sign_in" {
  count = var.is_public ? 0 : 1

  name                = "pe-${var.name}-sign-in"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.endpoints_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "psc-${var.name}-sign-in"
    private_connection_resource_id = azurerm_databricks_workspace.this.id
    subresource_names              = ["browser_authentication"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "databricks"
    private_dns_zone_ids = [var.private_dns_zone_ids["databricks"]]
  }

  depends_on = [azurerm_private_endpoint.this]
}
