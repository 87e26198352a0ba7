"""Cash registers: the seam (``driver.py``) and one folder for each kind of register."""
