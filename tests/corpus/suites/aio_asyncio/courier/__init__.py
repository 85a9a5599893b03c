"""Couriers that deliver parcels concurrently."""
