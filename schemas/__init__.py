"""Grammars of the CIB (RELAX NG), as data; `cib.schema` reads them."""
