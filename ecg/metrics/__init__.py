"""Scores: of a digitized signal against the true one, and of a diagnosis against its labels."""
