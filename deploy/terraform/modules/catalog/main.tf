# Unity Catalog: one catalog an environment, seen by its own workspace alone. Tables, masks, policies and grants on tables are SQL that
# `globalbev contract unity` makes from the contracts; here is only what a table needs to exist at all.

locals {
  schemas = {
    bronze     = "What arrived, as it arrived."
    silver     = "Clean, typed, one row a key."
    gold       = "What the business reads."
    quarantine = "Rows that were rejected, with every rule that they broke."
    ops        = "What the lakehouse keeps about itself."
  }
}

resource "databricks_storage_credential" "this" {
  name           = "${var.catalog}-lake"
  comment        = "The access connector of ${var.catalog}."
  owner          = var.groups["admins"]
  isolation_mode = "ISOLATION_MODE_ISOLATED"

  azure_managed_identity {
    access_connector_id = var.access_connector_id
  }
}

resource "databricks_external_location" "layer" {
  for_each = local.schemas

  name            = "${var.catalog}-${each.key}"
  url             = "${var.urls["lake"]}/${each.key}"
  credential_name = databricks_storage_credential.this.name
  comment         = "Files of the tables of ${each.key}."
  owner           = var.groups["admins"]
  isolation_mode  = "ISOLATION_MODE_ISOLATED"
}

resource "databricks_external_location" "managed" {
  name            = "${var.catalog}-managed"
  url             = var.urls["managed"]
  credential_name = databricks_storage_credential.this.name
  comment         = "What Unity Catalog manages by itself."
  owner           = var.groups["admins"]
  isolation_mode  = "ISOLATION_MODE_ISOLATED"
}

resource "databricks_external_location" "landing" {
  name            = "${var.catalog}-landing"
  url             = var.urls["landing"]
  credential_name = databricks_storage_credential.this.name
  comment         = "Files as they are delivered: read only."
  owner           = var.groups["admins"]
  isolation_mode  = "ISOLATION_MODE_ISOLATED"
  read_only       = true

  # An empty container has no file to read, which is taken for a missing right.
  skip_validation = true
}

resource "databricks_catalog" "this" {
  name           = var.catalog
  comment        = "The GlobalBev lakehouse."
  owner          = var.groups["admins"]
  storage_root   = databricks_external_location.managed.url
  isolation_mode = "ISOLATED"

  # Maintenance is a job of ours, by the contracts' retention: two of them would not agree.
  enable_predictive_optimization = "DISABLE"
}

resource "databricks_workspace_binding" "catalog" {
  securable_name = databricks_catalog.this.name
  securable_type = "catalog"
  workspace_id   = var.workspace_id
  binding_type   = "BINDING_TYPE_READ_WRITE"
}

resource "databricks_workspace_binding" "credential" {
  securable_name = databricks_storage_credential.this.name
  securable_type = "storage_credential"
  workspace_id   = var.workspace_id
}

resource "databricks_workspace_binding" "location" {
  for_each = merge(databricks_external_location.layer, {
    managed = databricks_external_location.managed
    landing = databricks_external_location.landing
  })

  securable_name = each.value.name
  securable_type = "external_location"
  workspace_id   = var.workspace_id
}

resource "databricks_schema" "this" {
  for_each = local.schemas

  catalog_name = databricks_catalog.this.name
  name         = each.key
  comment      = each.value
  owner        = var.groups["admins"]
}

# Folders that a step on a cluster reaches: its own state, and what Pipes passes to and fro.
resource "databricks_volume" "this" {
  for_each = {
    home  = "State of the steps: leases, caches, dead letters."
    pipes = "Code and messages of steps that run through Pipes."
  }

  catalog_name = databricks_catalog.this.name
  schema_name  = databricks_schema.this["ops"].name
  name         = each.key
  volume_type  = "MANAGED"
  comment      = each.value
  owner        = var.groups["admins"]
}

# The landing zone as a folder of the cluster.
resource "databricks_volume" "landing" {
  catalog_name     = databricks_catalog.this.name
  schema_name      = databricks_schema.this["bronze"].name
  name             = "landing"
  volume_type      = "EXTERNAL"
  storage_location = databricks_external_location.landing.url
  comment          = "Files as they are delivered."
  owner            = var.groups["admins"]
}

resource "databricks_grant" "etl_landing_volume" {
  volume     = databricks_volume.landing.id
  principal  = var.groups["etl"]
  privileges = ["READ_VOLUME"]
}

resource "databricks_grant" "etl_volumes" {
  for_each = databricks_volume.this

  volume     = each.value.id
  principal  = var.groups["etl"]
  privileges = ["READ_VOLUME", "WRITE_VOLUME"]
}

# A grant a group, not `databricks_grants`: that one would take back what the generated SQL grants.
resource "databricks_grant" "admins" {
  catalog    = databricks_catalog.this.name
  principal  = var.groups["admins"]
  privileges = ["ALL_PRIVILEGES", "MANAGE"]
}

resource "databricks_grant" "etl_files" {
  for_each = databricks_external_location.layer

  external_location = each.value.name
  principal         = var.groups["etl"]
  privileges        = ["READ_FILES", "WRITE_FILES", "CREATE_EXTERNAL_TABLE"]
}

resource "databricks_grant" "admins_files" {
  for_each = databricks_external_location.layer

  external_location = each.value.name
  principal         = var.groups["admins"]
  privileges        = ["CREATE_EXTERNAL_TABLE"]
}

resource "databricks_grant" "etl_landing" {
  external_location = databricks_external_location.landing.name
  principal         = var.groups["etl"]
  privileges        = ["READ_FILES"]
}
