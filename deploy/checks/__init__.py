"""What can be checked of `deploy/` without a cloud. `make deploy-check` runs it all; the quick part is in `tests/unit/test_deploy_*.py`."""
