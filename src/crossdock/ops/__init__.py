"""Tools over public APIs: the supervisor of the pipeline, placing and following orders, the audit. Nothing here imports a service."""
