variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "registry_name" {
  description = "Name of the container registry: 5 to 50 small letters and digits, unique in all of Azure."
  type        = string
}

variable "database_server_name" {
  description = "Name of Dagster's database server: unique in all of Azure, and never changed, because another name is another server."
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

variable "service_subnet_ids" {
  description = "Subnets of the containers and of the database: containers, postgres."
  type        = map(string)
}

variable "postgres_dns_zone_id" {
  description = "Private DNS zone of the database."
  type        = string
}

variable "identity" {
  description = "Dagster's managed identity."
  type = object({
    id           = string
    principal_id = string
    client_id    = string
  })
}

variable "deployer_principal_id" {
  description = "Service principal that pushes images and changes the apps' image."
  type        = string
}

variable "vault_uri" {
  description = "Vault that the secrets are taken from when a container starts."
  type        = string
}

variable "has_chat" {
  description = "Whether the vault has a secret `globalbev-alerts`, an address to which Dagster and the heartbeat send their messages."
  type        = bool
}

variable "settings" {
  description = "Environment variables of every container; nothing of it is secret."
  type        = map(string)
}

variable "postgres_password" {
  description = "Password of the database's administrator, kept in the vault as dagster-postgres-password. Never in the state: ephemeral here, write-only there."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "postgres_password_version" {
  description = "Raised by one when the password was changed, because Terraform cannot see that it was."
  type        = number
}

variable "postgres_sku" {
  description = "Size of the database."
  type        = string
  default     = "B_Standard_B2s"
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
