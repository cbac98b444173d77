"""The service: studies come in by several ways, are analysed, reviewed and sent on."""
