variable "environment" {
  description = "dev, test or prod."
  type        = string

  validation {
    condition     = contains(["dev", "test", "prod"], var.environment)
    error_message = "dev, test or prod."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "address_space" {
  description = "Address range of the environment's network, at least a /22."
  type        = string
}

variable "unique" {
  description = "3 to 6 small letters and digits that make the names of account and vault unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,6}$", var.unique))
    error_message = "3 to 6 small letters and digits."
  }
}

variable "replication" {
  description = "Replication of the lake's account: LRS, ZRS or GZRS."
  type        = string
}

variable "is_public" {
  description = "Whether the workspace's front end can be reached from the internet."
  type        = bool
}

variable "github_subject" {
  description = "What GitHub calls the repository that deploys in its tokens."
  type        = string
}

variable "group_owners" {
  description = "Object ids of the people who may change the groups' members."
  type        = set(string)
}

variable "teams" {
  description = "Teams that own tables, as the contracts name them."
  type        = set(string)
}

variable "cost_center" {
  description = "Cost centre that the environment is booked on."
  type        = string
}

variable "monthly_budget" {
  description = "Budget a month of the environment, machines of Databricks' among it, in the subscription's currency."
  type        = number
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
}

variable "log_daily_quota_gb" {
  description = "Most gigabytes of logs a day that are taken in; what comes after them is lost until the next day, and told of."
  type        = number
  default     = 5
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

variable "has_chat" {
  description = "Whether the vault has a secret `globalbev-alerts`: where Dagster and the heartbeat send their messages, as addresses of Apprise's (a chat, an on-call product)."
  type        = bool
  default     = false
}

variable "mail_addresses" {
  description = "Who is told of alerts and budgets, by a name for each."
  type        = map(string)
}

variable "most_workers" {
  description = "Most workers that a job's cluster may grow to."
  type        = number
}

variable "has_pool" {
  description = "Whether steps take their machines from the pools; without, each waits for its own, but gets one at the full price when no spot machine is to be had."
  type        = bool
  default     = true
}

variable "pool_idle_instances" {
  description = "Virtual machines that are kept warm."
  type        = number
}

variable "inventory_url" {
  description = "Address of the inventory's API, as the pipeline's clusters reach it."
  type        = string
}

variable "start_date" {
  description = "First day that the sources have, as 2026-01-01; there are no partitions before it."
  type        = string
}

variable "postgres_password" {
  description = "Password of Dagster's database, from the vault."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "postgres_password_version" {
  description = "Raised by one when the password of Dagster's database was changed."
  type        = number
}
