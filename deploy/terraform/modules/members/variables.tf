variable "groups" {
  description = "Display name of each role's group."
  type        = map(string)
}

variable "object_ids" {
  description = "Object id of every group, of roles and of teams, by its display name."
  type        = map(string)
}

variable "members" {
  description = "Display names of the groups whose members may use the workspace."
  type        = set(string)
}
