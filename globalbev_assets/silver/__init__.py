"""Clean, typed, one row a key: one multi-asset a domain, from the contracts of the layer."""
