"""What tools and shell commands do to resources and nodes, apart from how they are called and what they print."""
