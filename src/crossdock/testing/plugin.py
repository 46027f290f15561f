"""The pytest plugin: fixtures for tests against a broker in the process."""
