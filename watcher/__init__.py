"""Watches papers pages, matches what is new against each subscription's rules, mails digests."""

__version__ = "0.1.0"
