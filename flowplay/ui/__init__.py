"""Everything that knows Streamlit: the shell, the controls, the live view and its components."""
