variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "account_name" {
  description = "Name of the storage account: 3 to 24 small letters and digits, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.account_name))
    error_message = "3 to 24 small letters and digits."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "replication" {
  description = "ZRS survives a zone, GZRS a region as well. Never LRS in prod."
  type        = string

  validation {
    condition     = contains(["LRS", "ZRS", "GZRS"], var.replication)
    error_message = "LRS, ZRS or GZRS."
  }
}

variable "endpoints_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones by service: blob and dfs are used."
  type        = map(string)
}

variable "access_connector_id" {
  description = "Resource id of the workspace's access connector, the only Azure resource that the account's firewall lets in."
  type        = string
}

variable "connector_principal_id" {
  description = "Identity of the access connector: reads and writes the lake for Unity Catalog."
  type        = string
}

variable "dagster_principal_id" {
  description = "Identity under which Dagster runs: reads the lake and the landing zone, writes what its sensors find (ops/) and its compute logs."
  type        = string
}

variable "soft_delete_days" {
  description = "Days for which a deleted file can be brought back. Has to be less than the time in which an erasure is promised: it is out of VACUUM's reach."
  type        = number
  default     = 7

  validation {
    condition     = var.soft_delete_days >= 1 && var.soft_delete_days <= 25
    error_message = "1 to 25 days: an erasure is promised within 30, and VACUUM and the log's clean-up come first."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
