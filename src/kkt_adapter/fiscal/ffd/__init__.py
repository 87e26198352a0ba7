"""Fiscal document formats: the tag dictionary, the TLV codec, composing, checking and showing documents.

In: a receipt, or the bytes of a document. Out: bytes of a document, or its tags, findings and words.
"""
