"""Applying a service's schema revisions at start."""
