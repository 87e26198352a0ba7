"""Which conditions hold, which alerts that raises or ends, and who is told.

In: snapshot and observation. Out: alert rows and notifications.
"""
