"""For the tests of those who build on crossdock: a broker in the process, and its clock in your hands."""
