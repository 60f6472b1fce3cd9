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

variable "storage_account_name" {
  description = "Name of the account of the DBFS root, which Databricks makes: 3 to 24 small letters and digits, unique in all of Azure. Another name is another workspace."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.storage_account_name))
    error_message = "3 to 24 small letters and digits."
  }
}

variable "virtual_network_id" {
  description = "Network that the clusters are put into."
  type        = string
}

variable "workspace_subnets" {
  description = "Name and security-group association of the two delegated subnets, host and container."
  type = map(object({
    name           = string
    association_id = string
  }))
}

variable "endpoints_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones by service: databricks, blob and dfs are used."
  type        = map(string)
}

variable "is_public" {
  description = "Whether the workspace's front end can be reached from the internet (sign-in is by Entra either way). False needs runners and Dagster in a peered network."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every resource; Databricks puts them on its virtual machines as well, so that they are the cost tags."
  type        = map(string)
}
