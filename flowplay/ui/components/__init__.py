"""Streamlit components of our own, each a Python file beside its script and styles."""
