"""The Payment service: charges each order at most once, and gives the money back when it must."""
