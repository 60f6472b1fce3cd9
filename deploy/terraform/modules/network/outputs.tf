output "virtual_network_id" {
  description = "The virtual network, for peering with the network of the runners and of Dagster."
  value       = azurerm_virtual_network.this.id
}

output "workspace_subnets" {
  description = "Name and security-group association of the workspace's two subnets, host and container."
  value = {
    for key, subnet in azurerm_subnet.workspace : key => {
      name           = subnet.name
      association_id = azurerm_subnet_network_security_group_association.workspace[key].id
    }
  }

  # A machine that starts before has no way out.
  depends_on = [azurerm_subnet_nat_gateway_association.workspace, azurerm_nat_gateway_public_ip_association.this]
}

output "endpoints_subnet_id" {
  description = "Subnet of the private endpoints."
  value       = azurerm_subnet.endpoints.id
}

output "private_dns_zone_ids" {
  description = "Private DNS zones by service: blob, dfs, vault, databricks, postgres; once the network asks them, because a database is refused before."
  value       = { for key, zone in azurerm_private_dns_zone.this : key => zone.id }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.this]
}

output "outbound_address" {
  description = "The address that sources see: allow it at the shop's database and the inventory API."
  value       = azurerm_public_ip.outbound.ip_address
}

output "service_subnet_ids" {
  description = "Subnets of Dagster's containers and of its database: containers, postgres."
  value       = { for key, subnet in azurerm_subnet.service : key => subnet.id }

  depends_on = [
    azurerm_subnet_nat_gateway_association.containers,
    azurerm_nat_gateway_public_ip_association.this,
    azurerm_subnet_network_security_group_association.service,
  ]
}
