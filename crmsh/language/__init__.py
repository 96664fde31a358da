"""The configuration language: one grammar for parsing, completion and error text.

`parse` turns a line into an object of `objects`, `build` that object into XML; `read` and `write` go the other way.
XML is touched through `xml` only.
"""
