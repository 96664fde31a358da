"""The state of the cluster for people: computed once, typed (`model`), rendered as text, XML, HTML or JSON."""
