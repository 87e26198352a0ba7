"""The programs of the bench, one module for each: what it measures, and the rows that judge the figures."""
