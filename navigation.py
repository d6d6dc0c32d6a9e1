"""What Streamlit runs for every visitor: the list of pages, and what stands around them."""

import streamlit as st

from flowplay.ui.components.keys_view import keys_view
from flowplay.ui.shell import ICON
from flowplay.ui.tour import show_tour


def main() -> None:
    """Run the page that the address names."""
    st.set_page_config("flowplay", page_icon=ICON, layout="wide")
    page = st.navigation(
        [
            st.Page(
                "pages/playground.py",
                title="Playground",
                icon=":material/play_circle:",
                default=True,
            ),
            st.Page("pages/layers.py", title="See inside", icon=":material/layers:"),
            st.Page(
                "pages/change_of_variables.py",
                title="Change of variables",
                icon=":material/straighten:",
            ),
            # The menu of a narrow window has what stands first; the rest is in its list "more".
            st.Page("pages/guide.py", title="Guide", icon=":material/menu_book:"),
            st.Page("pages/race.py", title="Race", icon=":material/flag:"),
            st.Page("pages/energies.py", title="Energies", icon=":material/landscape:"),
            st.Page("pages/anomalies.py", title="Anomalies", icon=":material/troubleshoot:"),
            st.Page("pages/images.py", title="Images", icon=":material/image:"),
            st.Page("pages/compress.py", title="Compress", icon=":material/folder_zip:"),
            st.Page("pages/runs.py", title="My runs", icon=":material/history:"),
            st.Page(
                "pages/classroom.py", title="Classes", icon=":material/school:", url_path="class"
            ),
        ],
        # Pages without settings of their own get the room of the sidebar.
        position="top",
    )
    show_tour(page.url_path)
    with st.container(key="keys"):
        keys_view(key="keys_view")
    page.run()


# Where workers are spawned, not forked, Python imports this file again in each, as another module.
if __name__ == "__main__":
    main()
