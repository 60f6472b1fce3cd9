# What runs, on what, and at what price at most. The policy is what holds the price: the step launcher asks for a cluster by `policy_id`.

locals {
  # The rules themselves: the rehearsal's workspace (sandbox/databricks) reads the same files, so that what it lets through is what is deployed.
  # job: spot with fallback, which the launcher's own configuration refuses and a pool does not know. pool: no tags, since a pool's come before a
  # cluster's. person: for people who look into something; small, alone, gone after twenty minutes.
  policies = {
    for kind in ["job", "pool", "person"] : kind => jsonencode(jsondecode(templatefile("${path.module}/policies/${kind}.json.tftpl", merge(var.cost_tags, {
      spark_version      = var.spark_version
      node_type          = var.node_type
      most_workers       = var.most_workers
      pipeline_client_id = var.pipeline_client_id
      workers_pool       = databricks_instance_pool.this.id
      drivers_pool       = databricks_instance_pool.on_demand.id
    }))))
  }
}

resource "databricks_cluster_policy" "job" {
  name                  = "${var.name}-job"
  description           = "Job clusters of the pipeline without a pool: autoscaled, spot with fallback, tagged."
  definition            = local.policies["job"]
  max_clusters_per_user = 10
}

resource "databricks_cluster_policy" "pool" {
  name                  = "${var.name}-pool"
  description           = "Job clusters of the pipeline out of the pool: started in seconds, where a machine is warm."
  definition            = local.policies["pool"]
  max_clusters_per_user = 10
}

resource "databricks_cluster_policy" "person" {
  name                  = "${var.name}-person"
  description           = "A small cluster for one person, gone after twenty minutes without use."
  definition            = local.policies["person"]
  max_clusters_per_user = 1
}

resource "databricks_permissions" "pipeline_policy" {
  for_each = {
    job  = databricks_cluster_policy.job.id
    pool = databricks_cluster_policy.pool.id
  }

  cluster_policy_id = each.value

  access_control {
    group_name       = var.groups["etl"]
    permission_level = "CAN_USE"
  }
}

resource "databricks_permissions" "person_policy" {
  cluster_policy_id = databricks_cluster_policy.person.id

  access_control {
    group_name       = var.groups["engineers"]
    permission_level = "CAN_USE"
  }
}

# Workers may be taken away; the driver may not, so it has a pool of its own.
resource "databricks_instance_pool" "this" {
  instance_pool_name                    = "${var.name}-workers"
  node_type_id                          = var.node_type
  min_idle_instances                    = var.pool_idle_instances
  max_capacity                          = 4 * var.most_workers
  idle_instance_autotermination_minutes = 15
  enable_elastic_disk                   = true
  preloaded_spark_versions              = [var.spark_version]
  custom_tags                           = var.cost_tags

  azure_attributes {
    availability       = "SPOT_AZURE"
    spot_bid_max_price = -1
  }
}

resource "databricks_instance_pool" "on_demand" {
  instance_pool_name                    = "${var.name}-drivers"
  node_type_id                          = var.node_type
  min_idle_instances                    = 0
  max_capacity                          = 10
  idle_instance_autotermination_minutes = 15
  enable_elastic_disk                   = true
  preloaded_spark_versions              = [var.spark_version]
  custom_tags                           = var.cost_tags

  azure_attributes {
    availability = "ON_DEMAND_AZURE"
  }
}

resource "databricks_permissions" "pool" {
  for_each = {
    workers = databricks_instance_pool.this.id
    drivers = databricks_instance_pool.on_demand.id
  }

  instance_pool_id = each.value

  access_control {
    group_name       = var.groups["etl"]
    permission_level = "CAN_ATTACH_TO"
  }

  # The provider adds whoever applies: were it not said, each plan of the deployment would take away the person of the first one, and the other way.
  access_control {
    service_principal_name = var.deployer_client_id
    permission_level       = "CAN_MANAGE"
  }

  depends_on = [databricks_service_principal.this]
}

resource "databricks_sql_endpoint" "analysts" {
  name                      = "${var.name}-analysts"
  cluster_size              = var.warehouse_size
  min_num_clusters          = 1
  max_num_clusters          = 2
  auto_stop_mins            = 10
  warehouse_type            = "PRO"
  enable_serverless_compute = false
  enable_photon             = true
  spot_instance_policy      = "COST_OPTIMIZED"

  # It starts when it is made, and one that does not find its machines would be deleted again.
  no_wait = true

  tags {
    dynamic "custom_tags" {
      for_each = var.cost_tags

      content {
        key   = custom_tags.key
        value = custom_tags.value
      }
    }
  }
}

resource "databricks_permissions" "warehouse" {
  sql_endpoint_id = databricks_sql_endpoint.analysts.id

  access_control {
    group_name       = var.groups["analysts"]
    permission_level = "CAN_USE"
  }

  access_control {
    group_name       = var.groups["engineers"]
    permission_level = "CAN_USE"
  }

  # The weekly maintenance runs as the pipeline, on this warehouse (deploy/bundle).
  access_control {
    group_name       = var.groups["etl"]
    permission_level = "CAN_USE"
  }

  # Applies the contracts, wakes it for a rollback, and applies this: whoever does has to keep the rights to do so, or is refused by the provider.
  access_control {
    service_principal_name = var.deployer_client_id
    permission_level       = "IS_OWNER"
  }

  depends_on = [databricks_service_principal.this]
}

# Made in the workspace, a service principal is a member of it; groups are made members by the module members.
resource "databricks_service_principal" "this" {
  for_each = {
    pipeline = var.pipeline_client_id
    deployer = var.deployer_client_id
  }

  application_id        = each.value
  display_name          = "${var.name}-${each.key}"
  allow_cluster_create  = false
  databricks_sql_access = true
  workspace_access      = true
}

# Policies, permissions and members are an admin's to change. Azure's Contributor makes a person one; GitHub's token says nothing of Azure's roles.
resource "databricks_permission_assignment" "deployer" {
  principal_id = databricks_service_principal.this["deployer"].id
  permissions  = ["ADMIN"]
}

# Needs an Entra identity: a scope behind a vault cannot be made with a token.
resource "databricks_secret_scope" "this" {
  name = "globalbev"

  keyvault_metadata {
    resource_id = var.vault_id
    dns_name    = var.vault_uri
  }
}

resource "databricks_secret_acl" "readers" {
  for_each = toset(["etl", "admins"])

  scope      = databricks_secret_scope.this.name
  principal  = var.groups[each.value]
  permission = "READ"
}

# Tables outside Unity Catalog would be outside of every mask. The DBFS root stays on: the step launcher stages its files there.
resource "databricks_disable_legacy_access_setting" "this" {
  disable_legacy_access {
    value = true
  }
}
