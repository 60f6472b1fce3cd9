variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "vault_name" {
  description = "Name of the vault: 3 to 24 letters, digits and hyphens, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.vault_name))
    error_message = "3 to 24 small letters, digits and hyphens, starting with a letter."
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

variable "tenant_id" {
  description = "Entra tenant."
  type        = string
}

variable "endpoints_subnet_id" {
  description = "Subnet of the private endpoints."
  type        = string
}

variable "private_dns_zone_ids" {
  description = "Private DNS zones by service: vault is used."
  type        = map(string)
}

variable "databricks_application_object_id" {
  description = "Object id of the first-party application AzureDatabricks in this tenant, which reads the vault for the secret scope."
  type        = string
}

variable "officers_group_id" {
  description = "Group whose members set the values of the secrets."
  type        = string
}

variable "dagster_principal_id" {
  description = "Identity under which Dagster runs."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
