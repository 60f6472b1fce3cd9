output "catalog" {
  description = "Name of the catalog."
  value       = databricks_catalog.this.name
}

output "schemas" {
  description = "Names of the catalog's schemas."
  value       = [for schema in databricks_schema.this : schema.name]
}

output "volumes" {
  description = "Paths of the volumes on a cluster: home, pipes, landing."
  value       = { for name, volume in merge(databricks_volume.this, { landing = databricks_volume.landing }) : name => volume.volume_path }
}
