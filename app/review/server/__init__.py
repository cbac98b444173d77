"""The review as a web application on this computer."""
