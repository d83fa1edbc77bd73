"""All that runs the product on real parts."""
