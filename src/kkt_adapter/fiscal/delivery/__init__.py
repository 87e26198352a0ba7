"""Phase 2: documents to the operator.

A pass claims the next document of each FN, a lane delivers it, the result is written under the claim.

In: receipts in print state `printed`. Out: `synced`, `pending` with a due time, or a dead letter.
"""
