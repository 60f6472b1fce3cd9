output "governed_tags" {
  description = "Keys of the governed tags."
  value       = [for policy in databricks_tag_policy.this : policy.tag_key]
}
