variable "name" {
  description = "What every resource of the environment is named after, such as globalbev-dev."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the environment."
  type        = string
}

variable "address_space" {
  description = "Address range of the virtual network, at least a /22; no other network that it is peered with may overlap."
  type        = string

  validation {
    condition     = can(cidrsubnet(var.address_space, 2, 3)) && tonumber(split("/", var.address_space)[1]) <= 22
    error_message = "Give an IPv4 range of /22 or larger: each node takes an address in both of the workspace's subnets."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
