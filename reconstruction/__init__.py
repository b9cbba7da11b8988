"""From the leads that a page or a device gives to twelve leads of ten seconds."""
