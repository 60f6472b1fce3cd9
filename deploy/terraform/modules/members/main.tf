# Entra's groups as Databricks sees them. By its name nothing can be given to a group that Entra alone has: it is not found
# (databricks/terraform-provider-databricks#5414), so that each is looked up first, by its object id, by which the account gets to know it.

# Makes the group in the account where it is not there yet; needs automatic identity management. A public beta of the provider's.
data "databricks_workspace_iam_external_group_v2" "this" {
  for_each = var.object_ids

  name = "external-groups/${each.value}"
}

# Rights to what is in a workspace can be given to its members alone; the other groups only add to what their members may see by another one.
resource "databricks_permission_assignment" "this" {
  for_each = var.members

  principal_id = data.databricks_workspace_iam_external_group_v2.this[each.value].internal_id
  permissions  = ["USER"]
}
