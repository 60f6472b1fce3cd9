variable "catalog" {
  description = "Name of the environment's catalog, such as globalbev_dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.catalog))
    error_message = "Small letters, digits and underscores, starting with a letter."
  }
}

variable "workspace_id" {
  description = "Number of the only workspace that may see the catalog."
  type        = number
}

variable "access_connector_id" {
  description = "Azure resource id of the access connector."
  type        = string
}

variable "urls" {
  description = "URL of each container: lake, managed and landing are used."
  type        = map(string)
}

variable "groups" {
  description = "Display name of each role's group."
  type        = map(string)
}
