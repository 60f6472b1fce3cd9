output "catalog" {
  description = "Name of the catalog."
  value       = databricks_catalog.this.name
}

output "schemas" {
  description = "Names of the catalog's schemas."
  value       = [for schema in databricks_schema.this : schema.name]
}
