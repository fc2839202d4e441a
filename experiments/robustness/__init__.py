"""What ssgan withstands: `faults` interrupts and damages runs, `fuzz` feeds damaged and hostile files to readers."""
