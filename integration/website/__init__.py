"""The documents as a site: pages, their links, and the tool that builds them."""
