"""For the tests of those who build on crossdock: a broker in the process, and its clock in your hands."""

from crossdock.testing.broker import BrokerClock, LocalBroker

__all__ = ["BrokerClock", "LocalBroker"]
