output "policy_ids" {
  description = "Cluster policies by use: pool (the step launcher's), job (without a pool: spot with fallback), person."
  value = {
    job    = databricks_cluster_policy.job.id
    pool   = databricks_cluster_policy.pool.id
    person = databricks_cluster_policy.person.id
  }
}

output "pool_ids" {
  description = "Instance pools: workers and drivers."
  value = {
    workers = databricks_instance_pool.this.id
    drivers = databricks_instance_pool.on_demand.id
  }
}

output "warehouse_id" {
  description = "The analysts' SQL warehouse, on which the bundle applies the SQL of the contracts too."
  value       = databricks_sql_endpoint.analysts.id
}

output "secret_scope" {
  description = "Name of the secret scope."
  value       = databricks_secret_scope.this.name
}

output "spark_version" {
  description = "The runtime that the policies fix; its Python is the image's."
  value       = var.spark_version
}
