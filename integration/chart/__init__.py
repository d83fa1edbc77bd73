"""The Helm chart in ``deploy``: what is made of code in it, and helm itself."""
