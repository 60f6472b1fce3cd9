"""What the business reads: one multi-asset a domain, from the contracts of the layer."""
