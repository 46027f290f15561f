"""crossdock: the order pipeline of an e-commerce platform on Amazon SQS, and a durable SQS-compatible broker."""
