"""The Notification service: tells customers, once, by email and SMS."""
