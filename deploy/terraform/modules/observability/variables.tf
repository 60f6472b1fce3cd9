variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "subscription_resource_id" {
  description = "Resource id of the environment's subscription, whose budget this is."
  type        = string
}

variable "resource_groups" {
  description = "Names of the resource groups that the budget watches: the environment's own, and that of Databricks' machines."
  type        = list(string)
}

variable "watched" {
  description = "Resource id and log categories of what sends its logs here, by a name of its own. An empty list of categories means all logs."
  type = map(object({
    resource_id = string
    categories  = optional(list(string), [])
  }))
}

variable "dagster_principal_id" {
  description = "Identity under which Dagster runs: sends its log lines."
  type        = string
}

variable "retention_days" {
  description = "Days for which logs are kept. Audit wants a year in prod."
  type        = number
  default     = 90

  validation {
    condition     = var.retention_days >= 30 && var.retention_days <= 730
    error_message = "30 to 730 days."
  }
}

variable "daily_quota_gb" {
  description = "Most gigabytes a day that are taken in, so that a loop of log lines does not become an invoice."
  type        = number
  default     = 5
}

variable "mail_addresses" {
  description = "Who is told, by a name for each: a list of the team, never a person's own address."
  type        = map(string)
}

variable "monthly_budget" {
  description = "Budget a month of the environment, in the subscription's currency."
  type        = number
}

variable "alert_settings" {
  description = "What differs from the usual for an alert, by the name of its query in deploy/kql/alerts without .kql."
  type = map(object({
    severity  = optional(number)
    frequency = optional(string)
    window    = optional(string)
    enabled   = optional(bool)
  }))
  default = {}
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
