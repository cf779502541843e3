"""A release of the ledger, sent to a registry or a layout, signed and read back."""
