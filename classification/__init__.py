"""Myocardial infarction from lead maps and from signals. Knows no photos."""
