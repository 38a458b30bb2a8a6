"""Decides how to search for one problem's answer, does it, and turns what was found into a record."""
