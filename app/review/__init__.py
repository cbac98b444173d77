"""A reader in the loop: decisions on findings, kept append-only, and what is made of them."""
