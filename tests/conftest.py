"""What holds for all tests: no example of Hypothesis has a deadline, for a machine may stand still at any moment."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
