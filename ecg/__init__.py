"""The nouns of electrocardiography: leads, records, labels, paper, data sets, formats, metrics.

Signals are ``(12, samples)`` float32 in millivolts in the order of ``ecg.leads.LEADS``, NaN
where nothing was measured. Nothing here knows of networks or of pictures, and importing this
package imports nothing heavy.
"""
