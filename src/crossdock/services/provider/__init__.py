"""The simulated payment provider: a real HTTP server with a durable ledger of its own, and knobs for what goes wrong."""
