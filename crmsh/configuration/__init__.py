"""The working copy of a configuration: changed line by line, checked, shown, committed as one change."""
