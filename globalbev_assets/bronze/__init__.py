"""What arrived, as it arrived: one multi-asset a domain, from the contracts of the layer."""
