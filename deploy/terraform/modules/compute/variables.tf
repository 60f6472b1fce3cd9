variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "groups" {
  description = "Display name of each role's group; those that are given something here are members of the workspace."
  type        = map(string)
}

variable "pipeline_client_id" {
  description = "Client id of the service principal that runs the steps."
  type        = string
}

variable "deployer_client_id" {
  description = "Client id of the service principal that deploys the bundle."
  type        = string
}

variable "vault_id" {
  description = "Resource id of the Key Vault behind the secret scope."
  type        = string
}

variable "vault_uri" {
  description = "Address of the Key Vault behind the secret scope."
  type        = string
}

variable "spark_version" {
  description = "Databricks runtime, an LTS: policies by tags need 16.4, a MERGE into a masked table on dedicated compute 16.3."
  type        = string
  default     = "17.3.x-scala2.13"

  validation {
    condition     = can(regex("^1[6-9]\\.[0-9]+\\.x-scala2\\.1[23]$", var.spark_version))
    error_message = "A runtime from 16 on, such as 17.3.x-scala2.13."
  }
}

variable "node_type" {
  description = "Virtual machine of every node."
  type        = string
  default     = "Standard_DS3_v2"
}

variable "most_workers" {
  description = "Most workers that a job's cluster may grow to."
  type        = number
  default     = 4
}

variable "pool_idle_instances" {
  description = "Virtual machines that are kept warm: each costs its price around the clock and saves the minutes of a start. 0 outside the nightly run."
  type        = number
  default     = 0
}

variable "warehouse_size" {
  description = "Size of the analysts' SQL warehouse."
  type        = string
  default     = "2X-Small"
}

variable "cost_tags" {
  description = "Tags by which cost is reported: team, env, cost_center, data_product. A cluster cannot be made with other values."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["team", "env", "cost_center", "data_product"], keys(var.cost_tags))) == 0
    error_message = "team, env, cost_center and data_product are needed."
  }

  validation {
    condition     = alltrue([for value in values(var.cost_tags) : can(regex("^[\\w .:@+-]+$", value))])
    error_message = "Letters, digits, spaces and _ . : @ + - alone: the values stand in the policies' JSON."
  }
}
