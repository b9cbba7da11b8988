"""From probability maps to millivolts: geometry, layout, traces, calibration, rejection."""
