"""The people's side: the crm shell and the command line tools.

- `language`: configuration lines, the typed objects that they stand for, and their XML
- `configuration`: the working copy of a configuration: change, check, show, commit
- `status`: what the cluster is doing, computed once, rendered as text, HTML, XML or JSON
- `backend`: where a CIB is read from and written to: the live cluster, a file, a shadow copy
- `levels`: the commands of the shell
- `interactive`: the prompt
"""
