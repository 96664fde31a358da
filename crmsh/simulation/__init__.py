"""`crm_simulate`, part by part: the document, what is put in, what comes out as text or XML."""
