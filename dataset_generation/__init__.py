"""PTB-V: printed-ECG pages and photos of them, with exact truth for every later stage."""
