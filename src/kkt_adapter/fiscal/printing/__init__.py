"""The print lane: one register's single file, from a stored receipt to its fiscal document.

In: receipts that `intake` stores. Out: `printed` with the document, `print_failed`, or `print_unknown`.

Three parties meet here on one event loop: the request that stores a receipt, the lane that drives the
register, and the waiter through which the request gets its answer.

    request (intake.accept)            lane (lane.py)                  waiter (reply_waiters.py)
      | reserve() ------------------->  free: an attempt number,
      |                                 the lane touches nothing now
      | open(receipt_id) ------------------------------------------->  a future of this request
      | write: receipt + attempt, one commit
      |   stored:     submit(job) --->  fiscalize(), then write the
      |                                 document and `printed`
      |                                 settle(receipt_id, answer) ->  the request answers `printed`
      |   not stored: release(False) -> goes on as before
      |   unknown:    release(None) --> reads the rows first
      ` budget over: answers `buffered`; the lane goes on

A busy lane gives no attempt; the receipt then waits in the queue and the attempt is written by the lane.
Between `reserve` and `submit` or `release` no other document may be made: the baseline in the attempt would
be wrong, and after a crash nobody could prove that the receipt is absent.
"""
