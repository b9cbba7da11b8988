"""File formats of recordings: WFDB and CSV, in and out. Writers leave a whole file or none."""
