"""Fiscal document formats: the tag dictionary, the TLV codec, composing, checking and showing documents."""
