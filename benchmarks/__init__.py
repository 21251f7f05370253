"""How fast the parts are, and what the priors are made from. Not part of the product."""
