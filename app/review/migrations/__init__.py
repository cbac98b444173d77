"""Migrations of the review's database, by Alembic; they travel with the package."""
