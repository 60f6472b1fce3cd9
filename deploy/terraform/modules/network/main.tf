# The network that the clusters live in. No node has a public address; they leave through one NAT gateway, whose address sources can allow.

locals {
  workspace_subnets = {
    host      = cidrsubnet(var.address_space, 2, 0)
    container = cidrsubnet(var.address_space, 2, 1)
  }
  service_subnets = {
    containers = { range = cidrsubnet(var.address_space, 4, 9), service = "Microsoft.App/environments" }
    postgres   = { range = cidrsubnet(var.address_space, 4, 10), service = "Microsoft.DBforPostgreSQL/flexibleServers" }
  }
  # On which a cluster talks to the control plane through the workspace's private endpoint. Network policies hold for endpoints here, so that what is
  # not opened is closed: https://learn.microsoft.com/azure/databricks/security/network/concepts/private-link
  databricks_ports = ["443", "3306", "6666", "8443-8451"]
  private_zones = {
    blob       = "privatelink.blob.core.windows.net"
    dfs        = "privatelink.dfs.core.windows.net"
    vault      = "privatelink.vaultcore.azure.net"
    databricks = "privatelink.azuredatabricks.net"
    postgres   = "globalbev.private.postgres.database.azure.com"
  }
}

resource "azurerm_virtual_network" "this" {
  name                = "vnet-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  address_space       = [var.address_space]
  tags                = var.tags
}

# Databricks adds the rules that it needs to this group by itself, through the delegation.
resource "azurerm_network_security_group" "workspace" {
  name                = "nsg-${var.name}-workspace"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_subnet" "workspace" {
  for_each = local.workspace_subnets

  name                            = "snet-${var.name}-${each.key}"
  resource_group_name             = var.resource_group_name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [each.value]
  default_outbound_access_enabled = false

  delegation {
    name = "databricks"

    service_delegation {
      name = "Microsoft.Databricks/workspaces"
      actions = [
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/virtualNetworks/subnets/prepareNetworkPolicies/action",
        "Microsoft.Network/virtualNetworks/subnets/unprepareNetworkPolicies/action",
      ]
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "workspace" {
  for_each = azurerm_subnet.workspace

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.workspace.id
}

resource "azurerm_network_security_group" "endpoints" {
  name                = "nsg-${var.name}-endpoints"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_network_security_rule" "endpoints_from_network" {
  name                        = "https-from-this-network"
  resource_group_name         = var.resource_group_name
  network_security_group_name = azurerm_network_security_group.endpoints.name
  priority                    = 100
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_port_range           = "*"
  source_address_prefix       = "VirtualNetwork"
  destination_port_range      = "443"
  destination_address_prefix  = "VirtualNetwork"
}

resource "azurerm_network_security_rule" "endpoints_from_clusters" {
  name                        = "databricks-from-clusters"
  resource_group_name         = var.resource_group_name
  network_security_group_name = azurerm_network_security_group.endpoints.name
  priority                    = 110
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_port_range           = "*"
  source_address_prefixes     = values(local.workspace_subnets)
  destination_port_ranges     = local.databricks_ports
  destination_address_prefix  = "VirtualNetwork"
}

resource "azurerm_network_security_rule" "endpoints_nothing_else" {
  name                        = "nothing-else"
  resource_group_name         = var.resource_group_name
  network_security_group_name = azurerm_network_security_group.endpoints.name
  priority                    = 4096
  direction                   = "Inbound"
  access                      = "Deny"
  protocol                    = "*"
  source_port_range           = "*"
  source_address_prefix       = "*"
  destination_port_range      = "*"
  destination_address_prefix  = "*"
}

resource "azurerm_subnet" "endpoints" {
  name                              = "snet-${var.name}-endpoints"
  resource_group_name               = var.resource_group_name
  virtual_network_name              = azurerm_virtual_network.this.name
  address_prefixes                  = [cidrsubnet(var.address_space, 4, 8)]
  default_outbound_access_enabled   = false
  private_endpoint_network_policies = "Enabled"
}

resource "azurerm_subnet_network_security_group_association" "endpoints" {
  subnet_id                 = azurerm_subnet.endpoints.id
  network_security_group_id = azurerm_network_security_group.endpoints.id
}

# Dagster's containers and its database, each in a subnet that only its service may use.
resource "azurerm_subnet" "service" {
  for_each = local.service_subnets

  name                            = "snet-${var.name}-${each.key}"
  resource_group_name             = var.resource_group_name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = [each.value.range]
  default_outbound_access_enabled = false

  # The database writes its log and backups to Azure's storage; its service adds this by itself, and Terraform would take it away again.
  dynamic "service_endpoint" {
    for_each = each.key == "postgres" ? ["Microsoft.Storage"] : []

    content {
      service = service_endpoint.value
    }
  }

  delegation {
    name = each.key

    service_delegation {
      name    = each.value.service
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "service" {
  for_each = azurerm_subnet.service

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.services.id
}

# From outside nothing comes in, which is Azure's default; inside, and from peered networks, everything but the clusters may talk to the services.
resource "azurerm_network_security_group" "services" {
  name                = "nsg-${var.name}-services"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

# Dagster's web server asks nobody to sign in, and people run code of their own on clusters. No step needs a service here: the host asks the workspace.
resource "azurerm_network_security_rule" "services_not_from_clusters" {
  name                        = "not-from-clusters"
  resource_group_name         = var.resource_group_name
  network_security_group_name = azurerm_network_security_group.services.name
  priority                    = 100
  direction                   = "Inbound"
  access                      = "Deny"
  protocol                    = "*"
  source_port_range           = "*"
  source_address_prefixes     = values(local.workspace_subnets)
  destination_port_range      = "*"
  destination_address_prefix  = "*"
}

resource "azurerm_public_ip" "outbound" {
  name                = "pip-${var.name}-outbound"
  location            = var.location
  resource_group_name = var.resource_group_name
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway" "this" {
  name                = "ng-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  sku_name            = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway_public_ip_association" "this" {
  nat_gateway_id       = azurerm_nat_gateway.this.id
  public_ip_address_id = azurerm_public_ip.outbound.id
}

resource "azurerm_subnet_nat_gateway_association" "workspace" {
  for_each = azurerm_subnet.workspace

  subnet_id      = each.value.id
  nat_gateway_id = azurerm_nat_gateway.this.id
}

resource "azurerm_subnet_nat_gateway_association" "containers" {
  subnet_id      = azurerm_subnet.service["containers"].id
  nat_gateway_id = azurerm_nat_gateway.this.id
}

resource "azurerm_private_dns_zone" "this" {
  for_each = local.private_zones

  name                = each.value
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each = azurerm_private_dns_zone.this

  name                = "link-${var.name}-${each.key}"
  private_dns_zone_id = each.value.id
  virtual_network_id  = azurerm_virtual_network.this.id
  tags                = var.tags
}
