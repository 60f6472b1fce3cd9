"""One image into an environment's four apps, and if wished the tables back to what they were: a deployment and its rollback are the same plan.

`python -m deploy.release prod --image …` deploys; `--image previous`, with `--data-to …` or without, is what the rollback job runs, in under five
minutes; `python -m deploy.release.rehearsal LAKE` rehearses that on a copy of a local lake. The plan is made first, and is what `--dry-run` prints.
"""
