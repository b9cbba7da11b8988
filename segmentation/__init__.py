"""The looks: networks that see paper, grid, words and traces in pictures of pages."""
