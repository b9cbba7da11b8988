"""File formats of recordings: WFDB, CSV, NPZ and DICOM.

Writers leave a whole file or none.
"""
