"""A small storefront: carts, catalogue, customers, prices, events."""
