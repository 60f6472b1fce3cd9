# Dagster on Azure Container Apps: code location, web server, daemon and the heartbeat that watches them, of one image; PostgreSQL for runs and events.
# The web server is inside the network only; people reach it by VPN or a gateway that signs them in, which is not here.

locals {
  # Where messages go; a secret, because whoever knows it can write there.
  chat = var.has_chat ? { GLOBALBEV_ALERTS = "globalbev-alerts" } : {}
  secrets = merge(local.chat, {
    DAGSTER_POSTGRES_PASSWORD          = "dagster-postgres-password"
    GLOBALBEV_DATABRICKS_CLIENT_SECRET = "databricks-client-secret"
    GLOBALBEV_SHOP_DSN                 = "globalbev-shop-dsn"
    GLOBALBEV_INVENTORY_TOKEN          = "globalbev-inventory-token"
  })
  # The instance's; what runs our code, and so reads sources and submits steps, is the code location alone.
  instance    = ["DAGSTER_POSTGRES_PASSWORD"]
  web_address = "https://ca-${var.name}-web.${azurerm_container_app_environment.this.default_domain}"
  settings = merge(var.settings, {
    AZURE_CLIENT_ID       = var.identity.client_id
    DAGSTER_POSTGRES_HOST = azurerm_postgresql_flexible_server.this.fqdn
    DAGSTER_POSTGRES_USER = azurerm_postgresql_flexible_server.this.administrator_login
    DAGSTER_POSTGRES_DB   = azurerm_postgresql_flexible_server_database.this.name
    DAGSTER_CODE_HOST     = "ca-${var.name}-code"
    GLOBALBEV_DAGSTER_URL = local.web_address
  })
  apps = {
    code   = { cpu = 2, memory = "4Gi", port = 4000, transport = "tcp", secrets = keys(local.secrets), args = ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "globalbev_assets.definitions"] }
    web    = { cpu = 0.5, memory = "1Gi", port = 3000, transport = "auto", secrets = local.instance, args = ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "/opt/dagster/home/workspace.yaml"] }
    daemon = { cpu = 0.5, memory = "1Gi", port = 0, transport = "", secrets = local.instance, args = ["dagster-daemon", "run", "-w", "/opt/dagster/home/workspace.yaml"] }

    # Outside of the three that it looks at; what it says is the alert `silence` of the module observability.
    heartbeat = { cpu = 0.5, memory = "1Gi", port = 0, transport = "", secrets = concat(local.instance, keys(local.chat)), args = ["python", "-m", "globalbev_assets.operations.cli", "heartbeat", "--every", "120"] }
  }
}

resource "azurerm_container_registry" "this" {
  name                          = var.registry_name
  location                      = var.location
  resource_group_name           = var.resource_group_name
  sku                           = "Premium"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  data_endpoint_enabled         = true
  public_network_access_enabled = true
  zone_redundancy_enabled       = true
  retention_policy_in_days      = 30
  tags                          = var.tags
}

resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  principal_id         = var.identity.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "push" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPush"
  principal_id         = var.deployer_principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_postgresql_flexible_server" "this" {
  name                              = var.database_server_name
  location                          = var.location
  resource_group_name               = var.resource_group_name
  version                           = "16"
  sku_name                          = var.postgres_sku
  storage_mb                        = 32768
  backup_retention_days             = 14
  geo_redundant_backup_enabled      = true
  public_network_access_enabled     = false
  delegated_subnet_id               = var.service_subnet_ids["postgres"]
  private_dns_zone_id               = var.postgres_dns_zone_id
  administrator_login               = "dagster"
  administrator_password_wo         = var.postgres_password
  administrator_password_wo_version = var.postgres_password_version
  tags                              = var.tags

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [zone]
  }
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  name      = "dagster"
  server_id = azurerm_postgresql_flexible_server.this.id
}

# Its output goes by a diagnostic setting (module observability): the other way signs in with the workspace's shared key, which is switched off.
resource "azurerm_container_app_environment" "this" {
  name                           = "cae-${var.name}"
  location                       = var.location
  resource_group_name            = var.resource_group_name
  logs_destination               = "azure-monitor"
  infrastructure_subnet_id       = var.service_subnet_ids["containers"]
  internal_load_balancer_enabled = true
  public_network_access          = "Disabled"
  tags                           = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app" "this" {
  for_each = local.apps

  name                         = "ca-${var.name}-${each.key}"
  resource_group_name          = var.resource_group_name
  container_app_environment_id = azurerm_container_app_environment.this.id
  revision_mode                = "Single"
  max_inactive_revisions       = 10
  workload_profile_name        = "Consumption"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.id]
  }

  registry {
    server   = azurerm_container_registry.this.login_server
    identity = var.identity.id
  }

  dynamic "secret" {
    for_each = toset(each.value.secrets)

    content {
      name                = local.secrets[secret.value]
      identity            = var.identity.id
      key_vault_secret_id = "${var.vault_uri}secrets/${local.secrets[secret.value]}"
    }
  }

  dynamic "ingress" {
    for_each = each.value.port == 0 ? [] : [each.value.port]

    content {
      target_port      = ingress.value
      exposed_port     = each.value.transport == "tcp" ? ingress.value : null
      external_enabled = each.key == "web"
      transport        = each.value.transport

      traffic_weight {
        latest_revision = true
        percentage      = 100
      }
    }
  }

  # One replica each: two daemons would both tick.
  template {
    min_replicas                     = 1
    max_replicas                     = 1
    termination_grace_period_seconds = 300

    container {
      name   = each.key
      image  = "${azurerm_container_registry.this.login_server}/globalbev:first"
      cpu    = each.value.cpu
      memory = each.value.memory
      args   = each.value.args

      dynamic "env" {
        for_each = local.settings

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = toset(each.value.secrets)

        content {
          name        = env.value
          secret_name = local.secrets[env.value]
        }
      }

      dynamic "startup_probe" {
        for_each = each.value.port == 0 ? [] : [each.value.port]

        content {
          port                    = startup_probe.value
          transport               = "TCP"
          interval_seconds        = 10
          failure_count_threshold = 30
        }
      }
    }
  }

  # The deployment sets the image, by its digest; a plan would set it back. `first` is pushed by hand, before there is an app: another image has no such
  # commands, and an app whose revision does not start is not made.
  lifecycle {
    ignore_changes = [template[0].container[0].image]
  }

  depends_on = [azurerm_role_assignment.pull]
}

# Changing an image and reading a revision, nothing else of the resource group.
resource "azurerm_role_assignment" "deploy_apps" {
  for_each = azurerm_container_app.this

  scope                = each.value.id
  role_definition_name = "Container Apps Contributor"
  principal_id         = var.deployer_principal_id
  principal_type       = "ServicePrincipal"
}
