"""Do readers see on reconstructed ECGs what they see on the originals?"""
