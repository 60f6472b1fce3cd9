# Logs of everything in one place, alerts on what they say, a budget. The queries of deploy/kql itself are for people and dashboards.

locals {
  # The log tables with their streams, as the code that writes them describes them.
  tables = { for name in ["logs", "cost"] : name => jsondecode(file("${path.module}/../../../log-analytics/${name}_table.json")) }

  # Each finds something only when somebody has to look. An alert that is open tells of nothing else, so one is opened for each value of the dimensions.
  # The queries look at when a row arrived, for a row may come hours after what it tells of: `range` is how far back its own time may lie.
  usual_alerts = {
    attention    = { severity = 2, frequency = "PT15M", window = "PT30M", range = "P1D", dimensions = ["Subject", "Environment"] }
    silence      = { severity = 1, frequency = "PT5M", window = "PT15M", range = "P1D", dimensions = ["Environment"] }
    no_heartbeat = { severity = 1, frequency = "PT15M", window = "PT30M", range = null, dimensions = [] }
    lost_logs    = { severity = 2, frequency = "PT15M", window = "PT30M", range = "P1D", dimensions = ["Table"] }
  }
  alerts = {
    for name, usual in local.usual_alerts : name => {
      query      = file("${path.module}/../../../kql/alerts/${name}.kql")
      severity   = coalesce(try(var.alert_settings[name].severity, null), usual.severity)
      frequency  = coalesce(try(var.alert_settings[name].frequency, null), usual.frequency)
      window     = coalesce(try(var.alert_settings[name].window, null), usual.window)
      enabled    = coalesce(try(var.alert_settings[name].enabled, null), true)
      range      = usual.range
      dimensions = usual.dimensions
    }
  }
  notifications = {
    most      = { threshold = 80, type = "Actual" }
    all       = { threshold = 100, type = "Actual" }
    will_pass = { threshold = 110, type = "Forecasted" }
  }
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-${var.name}"
  location                     = var.location
  resource_group_name          = var.resource_group_name
  sku                          = "PerGB2018"
  retention_in_days            = var.retention_days
  daily_quota_gb               = var.daily_quota_gb
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_log_analytics_workspace_table_custom_log" "this" {
  for_each = local.tables

  name         = each.value.table
  workspace_id = azurerm_log_analytics_workspace.this.id

  dynamic "column" {
    for_each = each.value.columns

    content {
      name = column.value.name
      type = column.value.type == "datetime" ? "dateTime" : column.value.type
    }
  }
}

resource "azurerm_monitor_data_collection_endpoint" "this" {
  name                = "dce-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

# What the pipeline's own log lines and the daily cost export are sent to.
resource "azurerm_monitor_data_collection_rule" "this" {
  name                        = "dcr-${var.name}"
  location                    = var.location
  resource_group_name         = var.resource_group_name
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.this.id
  tags                        = var.tags

  dynamic "stream_declaration" {
    for_each = local.tables

    content {
      stream_name = stream_declaration.value.stream

      dynamic "column" {
        for_each = stream_declaration.value.columns

        content {
          name = column.value.name
          type = column.value.type
        }
      }
    }
  }

  dynamic "data_flow" {
    for_each = local.tables

    content {
      streams       = [data_flow.value.stream]
      destinations  = ["logs"]
      output_stream = "Custom-${data_flow.value.table}"
    }
  }

  destinations {
    log_analytics {
      name                  = "logs"
      workspace_resource_id = azurerm_log_analytics_workspace.this.id
    }
  }

  depends_on = [azurerm_log_analytics_workspace_table_custom_log.this]
}

resource "azurerm_role_assignment" "ships_logs" {
  scope                = azurerm_monitor_data_collection_rule.this.id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = var.dagster_principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  for_each = var.watched

  name                       = "to-${var.name}"
  target_resource_id         = each.value.resource_id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  dynamic "enabled_log" {
    for_each = toset(each.value.categories)

    content {
      category = enabled_log.value
    }
  }

  dynamic "enabled_log" {
    for_each = length(each.value.categories) == 0 ? toset(["allLogs"]) : toset([])

    content {
      category_group = enabled_log.value
    }
  }
}

# What the rule takes with a 2xx and cannot store after all is told nowhere else.
resource "azurerm_monitor_diagnostic_setting" "rule" {
  name                       = "to-${var.name}"
  target_resource_id         = azurerm_monitor_data_collection_rule.this.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "LogErrors"
  }
}

resource "azurerm_monitor_action_group" "this" {
  name                = "ag-${var.name}"
  resource_group_name = var.resource_group_name
  short_name          = substr(replace(var.name, "-", ""), 0, 12)
  tags                = var.tags

  dynamic "email_receiver" {
    for_each = var.mail_addresses

    content {
      name                    = email_receiver.key
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each = local.alerts

  name                    = "${var.name}-${each.key}"
  location                = var.location
  resource_group_name     = var.resource_group_name
  scopes                  = [azurerm_log_analytics_workspace.this.id]
  description             = "deploy/kql/alerts/${each.key}.kql"
  severity                = each.value.severity
  evaluation_frequency    = each.value.frequency
  window_duration         = each.value.window
  enabled                 = each.value.enabled
  auto_mitigation_enabled = true
  tags                    = var.tags

  query_time_range_override = each.value.range

  # A table takes minutes after it was made until a query may name it, and those of Azure's own come with their first row.
  skip_query_validation = true

  criteria {
    query                   = each.value.query
    operator                = "GreaterThan"
    threshold               = 0
    time_aggregation_method = "Count"

    dynamic "dimension" {
      for_each = each.value.dimensions

      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }

    failing_periods {
      minimum_failing_periods_to_trigger_alert = 1
      number_of_evaluation_periods             = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }

  depends_on = [azurerm_log_analytics_workspace_table_custom_log.this]
}

# A budget may only begin in the month in which it is made; afterwards the month it began in stays, because another one would be another budget.
# Of the subscription, over two of its resource groups: nobody may make one in the group of Databricks' machines, which is Databricks'.
resource "azurerm_consumption_budget_subscription" "this" {
  name            = "budget-${var.name}"
  subscription_id = var.subscription_resource_id
  amount          = var.monthly_budget
  time_grain      = "Monthly"

  filter {
    dimension {
      name   = "ResourceGroupName"
      values = var.resource_groups
    }
  }

  time_period {
    start_date = formatdate("YYYY-MM-'01T00:00:00Z'", plantimestamp())
  }

  dynamic "notification" {
    for_each = local.notifications

    content {
      operator       = "GreaterThan"
      threshold      = notification.value.threshold
      threshold_type = notification.value.type
      contact_groups = [azurerm_monitor_action_group.this.id]
    }
  }

  lifecycle {
    ignore_changes = [time_period]
  }
}
