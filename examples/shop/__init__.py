"""A small shop: catalogue, cart, orders, stock, notifications and reports."""
