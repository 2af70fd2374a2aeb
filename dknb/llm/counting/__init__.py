"""Tokens and money: counted, estimated, and priced."""
