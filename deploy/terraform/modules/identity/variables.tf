variable "prefix" {
  description = "What the groups and applications are named after: the catalog's name with hyphens, such as globalbev-dev. The generated grants and policies use the same names."
  type        = string
}

variable "environment" {
  description = "dev, test or prod: the GitHub environment whose jobs may sign in as the deployer."
  type        = string
}

variable "github_subject" {
  description = "What GitHub calls the repository that deploys in its tokens: `repo:owner@1/name@2`, with the numbers of both, or `repo:owner/name` where it is older than July 2026."
  type        = string

  validation {
    condition     = can(regex("^repo:[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.github_subject))
    error_message = "repo:owner@number/name@number, or repo:owner/name: `gh api repos/OWNER/NAME/actions/oidc/customization/sub` says it."
  }
}

variable "teams" {
  description = "Teams that own tables, as the contracts name them."
  type        = set(string)
}

variable "owners" {
  description = "Object ids of the people who may change the groups' members and the applications."
  type        = set(string)
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
