variable "subscription_id" {
  description = "Subscription of this environment: one each, so that a mistake in dev cannot reach prod."
  type        = string
}

variable "location" {
  description = "Azure region. Never changed: everything would be made anew there."
  type        = string
}

variable "unique" {
  description = "3 to 6 small letters and digits that make the names of account and vault unique in all of Azure."
  type        = string
}

variable "github_subject" {
  description = "What GitHub calls the repository that deploys in its tokens, such as repo:owner@1/name@2: `gh api repos/OWNER/NAME/actions/oidc/customization/sub` says it."
  type        = string
}

variable "group_owners" {
  description = "Object ids of the people who may change the groups' members."
  type        = set(string)
}

variable "teams" {
  description = "Teams that own tables, as the contracts name them."
  type        = set(string)
  default     = ["catalog", "customer-data", "data-platform", "finance-analytics", "finance-systems", "order-platform", "supply-chain"]
}

variable "cost_center" {
  description = "Cost centre that the environment is booked on."
  type        = string
}

variable "mail_addresses" {
  description = "Who is told of alerts and budgets, by a name for each."
  type        = map(string)
}

variable "inventory_url" {
  description = "Address of the inventory's API, as the pipeline's clusters reach it."
  type        = string
}

variable "is_github" {
  description = "Whether a GitHub job runs this, signed in by its OIDC token; a person is signed in by `az login`."
  type        = bool
  default     = false
}

variable "postgres_password" {
  description = "Password of Dagster's database: TF_VAR_postgres_password, out of the vault. It gets into no file and no state."
  type        = string
  sensitive   = true
  ephemeral   = true
}
