"""Lids and lips that close on every identity."""
