"""Unity Catalog from the contracts: tables, tags, masks, row filters, policies and grants as SQL. Pure: nothing is connected to or executed."""
