# Logs of everything in one place, alerts on what they say, budgets. A query of deploy/kql returns rows only when somebody has to look.

locals {
  kql = "${path.module}/../../../kql"

  # A query is an alert when a comment of it says so: `// severity: 2`. The others are for people and dashboards.
  queries = { for file in fileset(local.kql, "*.kql") : trimsuffix(file, ".kql") => file("${local.kql}/${file}") }
  alerts = {
    for name, query in local.queries : name => {
      query     = query
      severity  = coalesce(try(var.alert_settings[name].severity, null), tonumber(regex("// severity: ([0-4])", query)[0]))
      frequency = coalesce(try(var.alert_settings[name].frequency, null), try(regex("// frequency: (PT[0-9]+[MH]|P1D)", query)[0], "PT15M"))
      window    = coalesce(try(var.alert_settings[name].window, null), try(regex("// window: (PT[0-9]+[MH]|P[12]D)", query)[0], "PT1H"))
      enabled   = coalesce(try(var.alert_settings[name].enabled, null), true)
    } if can(regex("// severity: ([0-4])", query))
  }
  budgets = {
    own     = var.resource_group_id
    managed = var.managed_resource_group_id
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

  dynamic "webhook_receiver" {
    for_each = nonsensitive(var.webhook) == "" ? toset([]) : toset(["on-call"])

    content {
      name                    = webhook_receiver.value
      service_uri             = var.webhook
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
  description             = "deploy/kql/${each.key}.kql"
  severity                = each.value.severity
  evaluation_frequency    = each.value.frequency
  window_duration         = each.value.window
  enabled                 = each.value.enabled
  auto_mitigation_enabled = true
  tags                    = var.tags

  # The tables appear with the first log line; until then the query cannot be checked.
  skip_query_validation = true

  criteria {
    query                   = each.value.query
    operator                = "GreaterThan"
    threshold               = 0
    time_aggregation_method = "Count"

    failing_periods {
      minimum_failing_periods_to_trigger_alert = 1
      number_of_evaluation_periods             = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.this.id]
  }
}

resource "azurerm_consumption_budget_resource_group" "this" {
  for_each = local.budgets

  name              = "budget-${var.name}-${each.key}"
  resource_group_id = each.value
  amount            = var.monthly_budget
  time_grain        = "Monthly"

  time_period {
    start_date = var.budget_start
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
}
