# What there is once for all environments: the tags that policies go by, the budget of Databricks' own units, the system tables.

# GitHub's token is not even tried without the address.
provider "databricks" {
  host                        = var.workspace_host
  azure_workspace_resource_id = var.workspace_resource_id
  auth_type                   = var.is_github ? "github-oidc-azure" : "azure-cli"
}

provider "databricks" {
  alias      = "account"
  host       = "https://accounts.azuredatabricks.net"
  account_id = var.account_id
  auth_type  = var.is_github ? "github-oidc-azure" : "azure-cli"
}

locals {
  # The values are the functions of globalbev_assets/governance/masks.py; tests/unit/test_deploy_terraform.py compares them.
  governed_tags = {
    globalbev_mask           = ["redact", "sha256_salted", "prefix3", "year_date", "year_timestamp", "empty"]
    globalbev_row_filter     = ["market"]
    globalbev_classification = ["public", "internal", "confidential", "restricted"]
  }
}

# A tag that a policy goes by has to be governed: else whoever may tag a column could take its mask away.
resource "databricks_tag_policy" "this" {
  for_each = local.governed_tags

  tag_key     = each.key
  description = "Set from the contracts by `globalbev contract unity`."
  values      = [for value in each.value : { name = value }]
}

# Who may put a governed tag on something, beside the account's admins: the deployments, whose SQL does, and nobody else. The rule set is whole: what was
# granted on the tag elsewhere goes.
resource "databricks_access_control_rule_set" "assigners" {
  for_each = databricks_tag_policy.this

  name = "accounts/${var.account_id}/tagPolicies/${each.value.id}/ruleSets/default"

  grant_rules {
    principals = formatlist("servicePrincipals/%s", var.deployer_client_ids)
    role       = "roles/tagPolicy.assigner"
  }
}

resource "databricks_system_schema" "this" {
  for_each = toset(["access", "compute", "lakeflow", "query"])

  schema = each.value
}

resource "databricks_budget" "this" {
  provider = databricks.account

  display_name = "globalbev"

  alert_configurations {
    time_period        = "MONTH"
    trigger_type       = "CUMULATIVE_SPENDING_EXCEEDED"
    quantity_type      = "LIST_PRICE_DOLLARS_USD"
    quantity_threshold = tostring(var.monthly_budget_usd)

    dynamic "action_configurations" {
      for_each = var.mail_addresses

      content {
        action_type = "EMAIL_NOTIFICATION"
        target      = action_configurations.value
      }
    }
  }

  filter {
    tags {
      key = "data_product"

      value {
        operator = "IN"
        values   = ["globalbev-lakehouse"]
      }
    }
  }
}
