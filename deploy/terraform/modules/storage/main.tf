# The lake's account: hierarchical namespace, no keys, no public network. One container a use, a folder a layer in `lake`.

locals {
  containers = {
    lake         = "Tables, a folder a layer: bronze, silver, gold, quarantine, ops."
    managed      = "What Unity Catalog manages by itself: the salt, the list of markets, volumes."
    landing      = "Files as they are delivered."
    dagster-logs = "Compute logs of Dagster."
  }
  blobs   = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
  writing = ["write", "add/action", "delete", "move/action"]
  # All that may be done to a file, but read it.
  is_no_writing = join(" AND ", [for action in local.writing : "!(ActionMatches{'${local.blobs}/${action}'})"])
}

resource "azurerm_storage_account" "this" {
  name                              = var.account_name
  location                          = var.location
  resource_group_name               = var.resource_group_name
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.replication
  is_hns_enabled                    = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  public_network_access_enabled     = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  infrastructure_encryption_enabled = true
  https_traffic_only_enabled        = true
  min_tls_version                   = "TLS1_2"
  allowed_copy_scope                = "AAD"
  tags                              = var.tags

  blob_properties {
    delete_retention_policy {
      days = var.soft_delete_days
    }

    container_delete_retention_policy {
      days = var.soft_delete_days
    }
  }

  network_rules {
    default_action = "Deny"
    bypass         = ["None"]

    private_link_access {
      endpoint_resource_id = var.access_connector_id
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_storage_container" "this" {
  for_each = local.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
  metadata              = { purpose = replace(lower(each.key), "-", "_") }
}

# Tables are not touched by age: their files belong to Delta's log, and only VACUUM may remove one.
resource "azurerm_storage_management_policy" "this" {
  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "landing-cools-then-goes"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["landing/"]
    }

    actions {
      base_blob {
        tier_to_cool_after_days_since_modification_greater_than = 30
        delete_after_days_since_modification_greater_than       = 400
      }
    }
  }

  rule {
    name    = "logs-go"
    enabled = true

    filters {
      blob_types   = ["blockBlob", "appendBlob"]
      prefix_match = ["dagster-logs/"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = 90
      }
    }
  }
}

resource "azurerm_role_assignment" "connector" {
  for_each = toset(["Storage Blob Data Contributor", "Storage Blob Delegator"])

  scope                = azurerm_storage_account.this.id
  role_definition_name = each.value
  principal_id         = var.connector_principal_id
  principal_type       = "ServicePrincipal"
}

# Sensors read Delta's logs without Spark.
resource "azurerm_role_assignment" "dagster_reads" {
  for_each = toset(["lake", "landing"])

  scope                = azurerm_storage_container.this[each.value].id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = var.dagster_principal_id
  principal_type       = "ServicePrincipal"
}

# What the sensors find goes into ops.freshness, ops.schema_drift and ops.alerts, by path and without Spark; the tables of the layers are the steps' alone.
# So the condition lets nothing be written, renamed or deleted but below ops/.
resource "azurerm_role_assignment" "dagster_writes_ops" {
  scope              = azurerm_storage_container.this["lake"].id
  role_definition_id = azurerm_role_definition.files.role_definition_resource_id
  principal_id       = var.dagster_principal_id
  principal_type     = "ServicePrincipal"
  condition          = "((${local.is_no_writing}) OR (@Resource[${local.blobs}:path] StringLike 'ops/*'))"
  condition_version  = "2.0"
}

resource "azurerm_role_assignment" "dagster_writes_logs" {
  scope              = azurerm_storage_container.this["dagster-logs"].id
  role_definition_id = azurerm_role_definition.files.role_definition_resource_id
  principal_id       = var.dagster_principal_id
  principal_type     = "ServicePrincipal"
}

# Storage Blob Data Contributor without what that one may do to a whole container, delete it among it, which no condition on files keeps it from.
resource "azurerm_role_definition" "files" {
  name        = "${var.name}-files"
  scope       = azurerm_storage_account.this.id
  description = "Reads, writes and deletes files, and no container."

  permissions {
    actions      = ["Microsoft.Storage/storageAccounts/blobServices/containers/read"]
    data_actions = [for action in concat(["read"], local.writing) : "${local.blobs}/${action}"]
  }

  assignable_scopes = [azurerm_storage_account.this.id]
}

# A step's log is shown in the web server by a link that is signed with a user delegation key: that is asked for at the account, and gives no access.
resource "azurerm_role_assignment" "dagster_delegates" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Delegator"
  principal_id         = var.dagster_principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_private_endpoint" "this" {
  for_each = toset(["blob", "dfs"])

  name                = "pe-${var.name}-${each.value}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.endpoints_subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "psc-${var.name}-${each.value}"
    private_connection_resource_id = azurerm_storage_account.this.id
    subresource_names              = [each.value]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = each.value
    private_dns_zone_ids = [var.private_dns_zone_ids[each.value]]
  }
}

resource "azurerm_management_lock" "this" {
  name       = "the-lake-stays"
  scope      = azurerm_storage_account.this.id
  lock_level = "CanNotDelete"
  notes      = "Every table of the environment lies here. Remove the lock in a change of its own before the account."
}
