"""What AWS publishes and both sides agree on: names, limits, errors, operations, wire formats. Pure: no I/O."""
