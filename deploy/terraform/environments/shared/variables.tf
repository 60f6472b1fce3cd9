variable "account_id" {
  description = "Databricks account."
  type        = string
}

variable "workspace_resource_id" {
  description = "Azure resource id of any workspace of the metastore: governed tags are of the account and are made through one."
  type        = string
}

variable "workspace_host" {
  description = "Address of that workspace, the output `host` of its environment."
  type        = string
}

variable "deployer_client_ids" {
  description = "Client id of each environment's deployer, `deployer` of its output client_ids: they may assign the governed tags. An environment that is missing cannot apply its contracts."
  type        = set(string)
}

variable "is_github" {
  description = "Whether a GitHub job runs this, signed in by its OIDC token; a person is signed in by `az login`."
  type        = bool
  default     = false
}

variable "monthly_budget_usd" {
  description = "Databricks units a month, all environments together, in US dollars of the list price."
  type        = number
  default     = 1500
}

variable "mail_addresses" {
  description = "Who is told when the budget is passed."
  type        = set(string)
}
