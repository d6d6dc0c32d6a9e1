"""The plugin must not be imported here: its entries would be in every other test's registry."""

collect_ignore = ["toy_plugin.py"]
