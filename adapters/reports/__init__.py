"""Reconciliation for people: tables, workbooks and a picture."""
