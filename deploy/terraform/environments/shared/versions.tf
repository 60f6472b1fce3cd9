terraform {
  required_version = ">= 1.11"

  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.138"
    }
  }

  # The account is made once by hand (deploy/README.md); its name and container come from backend.hcl, which is not a secret.
  backend "azurerm" {
    use_azuread_auth = true
    use_oidc         = true
    key              = "globalbev-shared.tfstate"
  }
}
