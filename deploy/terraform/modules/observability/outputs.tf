output "log_analytics_id" {
  description = "Resource id of the Log Analytics workspace."
  value       = azurerm_log_analytics_workspace.this.id
}

output "action_group_id" {
  description = "Resource id of the action group."
  value       = azurerm_monitor_action_group.this.id
}

output "alerts" {
  description = "Names of the queries that became alerts."
  value       = keys(azurerm_monitor_scheduled_query_rules_alert_v2.this)
}

output "shipping" {
  description = "Where log lines are sent: GLOBALBEV_LOG_ENDPOINT and GLOBALBEV_LOG_RULE."
  value = {
    GLOBALBEV_LOG_ENDPOINT = azurerm_monitor_data_collection_endpoint.this.logs_ingestion_endpoint
    GLOBALBEV_LOG_RULE     = azurerm_monitor_data_collection_rule.this.immutable_id
  }
}
