"""One module a sub-command of the `nodulus` command line."""
