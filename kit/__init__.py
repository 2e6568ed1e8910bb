"""The ground every room stands on: money, clock, locks, guards, outbox, audit, policies."""
