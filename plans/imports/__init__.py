"""Customers from a CSV file: read, mapped, shown row by row, applied, and undone as a whole."""
