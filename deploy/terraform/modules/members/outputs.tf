output "groups" {
  description = "Display name of each role's group, once the account knows it and the workspace has it: whoever is given something comes after that."
  value       = var.groups

  depends_on = [databricks_permission_assignment.this, data.databricks_workspace_iam_external_group_v2.this]
}
