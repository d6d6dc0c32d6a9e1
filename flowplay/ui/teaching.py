"""Teach with this: a class from the configuration that is shown; and a live link to its run."""

from __future__ import annotations

import streamlit as st

from flowplay.config import RunConfig, all_options
from flowplay.engine import Run
from flowplay.rules import PARTS, flat_values
from flowplay.store import StoreError
from flowplay.ui import runs
from flowplay.ui.browser import browser
from flowplay.ui.keeping import keeper
from flowplay.ui.settings import CLASS, RUN, rules_now, typed_config

_TEACHING = "_teaching"
_SHOWN = "_shown_before"
_FOLLOWING = "_following"

_DIFFERS = {
    "nothing": "Nothing",
    "seed": "Seed",
    "family": "Architecture",
    "target": "Target",
}
_GOALS = {"none": "None", "gap": "Gap to floor", "nll": "Held-out NLL"}


def class_task(*shown: Run) -> None:
    """Show a student what the class is about, and do what its teacher wants.

    Args:
        shown: the run of the page, or all that it shows at once.
    """
    if CLASS in rules_now().about:
        from flowplay.ui.classroom import class_banner

        class_banner(shown)


def teach_buttons(run: Run) -> None:
    """Show the buttons that make a class, and a live link; not to students."""
    if CLASS in rules_now().about or keeper() is None:
        return
    with st.container(horizontal=True, key="teaching"):
        st.button(
            "Teach with this",
            key="teach",
            icon=":material/school:",
            help="Make a class: students join by a link and begin with these settings; you see "
            "what each of them learns.",
            on_click=_begin,
        )
        st.button(
            "Follow me",
            key="follow_me",
            icon=":material/cast:",
            help="Make a link by which others watch this page's run, live. They cannot change it.",
            on_click=_follow_me,
            args=(run,),
        )
    _tell_followers(run)


def teach_dialogs() -> None:
    """Show the dialog that was opened last, until it is closed."""
    if _TEACHING in st.session_state:
        _teach_dialog()
    elif _FOLLOWING in st.session_state:
        _follow_dialog(*st.session_state[_FOLLOWING])


def _begin() -> None:
    st.session_state[_TEACHING] = {"config": typed_config()}


def _end() -> None:
    st.session_state.pop(_TEACHING, None)
    st.session_state.pop(_FOLLOWING, None)


@st.dialog("Teach with this", width="medium", on_dismiss=_end)
def _teach_dialog() -> None:
    from flowplay.store.classes import TASK_LENGTH, TITLE_LENGTH

    teaching = st.session_state[_TEACHING]
    if "id" in teaching:
        _made(teaching["id"], teaching["key"])
        return
    config: RunConfig = teaching["config"]
    labels = _labels(config)
    st.caption(
        f"All students begin with the settings of this page: {config.problem().label}, "
        f"{config.entry.label}."
    )
    if failed := teaching.pop("failed", ""):
        st.warning(failed, icon=":material/error:")
    with st.form("class_form", border=False):
        st.text_input(
            "Title", key="class_title", max_chars=TITLE_LENGTH, help="What the class is called."
        )
        st.text_input(
            "Task",
            key="class_task",
            max_chars=TASK_LENGTH,
            placeholder="Make the gap smaller than 0.1 nats with as few layers as you can.",
            help="One sentence: what students shall do.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "Goal",
                list(_GOALS),
                default="none",
                required=True,
                format_func=lambda name: _GOALS[name],
                key="class_goal",
                help="A student who reaches it is marked on the wall.",
            )
            st.number_input(
                "At most",
                -100.0,
                100.0,
                0.1,
                step=0.05,
                key="class_goal_value",
                help="In nats; of images, in bits per dimension. The goal is reached when the "
                "figure is not larger.",
                width=180,
            )
        st.multiselect(
            "Locked",
            list(labels),
            format_func=lambda name: labels[name],
            key="class_locked",
            help="Settings that students see, but cannot change.",
        )
        st.multiselect(
            "Hidden",
            [*labels, *PARTS],
            format_func=lambda name: labels.get(name) or name.replace("_", " "),
            key="class_hidden",
            help="Settings and parts of the page that students do not see. Hidden settings cannot "
            "be changed.",
        )
        st.segmented_control(
            "What differs between students",
            list(_DIFFERS),
            default="nothing",
            required=True,
            format_func=lambda name: _DIFFERS[name],
            key="class_differs",
            help="Every student gets another one, in turn, and cannot change it.",
        )
        st.toggle(
            "Start training at once",
            key="class_autostart",
            help="A student's run begins to train when the student joins.",
        )
        st.form_submit_button("Make the class", key="class_make", type="primary", on_click=_make)


def _make() -> None:
    from flowplay.store.classes import ClassPlan, FullError
    from flowplay.ui.joining import classes

    teaching = st.session_state.get(_TEACHING)
    if teaching is None:
        return
    given = st.session_state
    try:
        plan = ClassPlan(
            title=given.get("class_title", ""),
            task=given.get("class_task", ""),
            config=teaching["config"],
            locked=tuple(given.get("class_locked", ())),
            hidden=tuple(given.get("class_hidden", ())),
            goal=given.get("class_goal") or "none",
            goal_value=given.get("class_goal_value") or 0.0,
            differs=given.get("class_differs") or "nothing",
            autostart=bool(given.get("class_autostart")),
        )
        teaching["id"], teaching["key"] = classes().make(plan, browser())
    except (StoreError, FullError) as error:
        teaching["failed"] = str(error)


def _made(id_: str, key: str) -> None:
    from flowplay.ui.addresses import page_address, server_address
    from flowplay.ui.wall import KEY, WALL, join_address, qr_code

    link = join_address(id_)
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.html(qr_code(link, "QR code of the link by which students join", scale=4))
    with right:
        st.markdown("**Students join by this link**, or with the code:")
        st.code(link, language=None, wrap_lines=True)
    path = page_address("class", **{KEY: key}).removeprefix(page_address("").rstrip("/"))
    st.markdown("**Your own link**, for another computer. Keep it: whoever has it leads the class.")
    st.code(server_address() + path, language=None, wrap_lines=True)
    st.link_button(
        "Open the wall",
        page_address("class", **{WALL: id_}),
        icon=":material/grid_view:",
        help="See what every student learns. This address works in your browser only, so that it "
        "can be projected.",
        type="primary",
    )


def _follow_me(run: Run) -> None:
    from flowplay.ui.joining import classes

    try:
        about = runs.about(run).get(RUN, "")
        link = classes().live_link(browser(), about)
        st.session_state[_SHOWN] = about
        st.session_state[_FOLLOWING] = (link, "")
    except StoreError as error:
        st.session_state[_FOLLOWING] = ("", str(error))


@st.dialog("Follow me", on_dismiss=_end)
def _follow_dialog(link: str, failed: str) -> None:
    from flowplay.ui.addresses import server_address
    from flowplay.ui.wall import qr_code

    if failed:
        st.warning(f"There is no link: {failed}", icon=":material/cloud_off:")
        return
    address = f"{server_address()}/live/{link}"
    st.markdown(
        "Everyone who opens this link sees your run move, on a laptop or a phone. They cannot "
        "change it. If you train another run here, they see that one."
    )
    st.html(qr_code(address, "QR code of the live link", scale=4))
    st.code(address, language=None, wrap_lines=True)
    with st.container(horizontal=True):
        st.link_button("Open the link", address, icon=":material/open_in_new:")
        st.button(
            "Stop",
            key="follow_stop",
            icon=":material/cancel:",
            help="The link ends; a later one is another.",
            on_click=_stop,
        )


def _stop() -> None:
    from flowplay.ui.joining import classes

    try:
        classes().stop_following(browser())
    except StoreError:
        return
    st.session_state.pop(_FOLLOWING, None)


def _tell_followers(run: Run) -> None:
    """Let the browser's live link, if it has one, show the run that this page has turned to.

    A page that is loaded again, or opened beside another, leaves the link where it is until it
    shows another run than at first.
    """
    about = runs.about(run).get(RUN, "")
    before = st.session_state.setdefault(_SHOWN, about)
    if not about or before == about:
        return
    from flowplay.ui.joining import classes

    try:
        classes().move_live_link(browser(), about)
    except StoreError:
        return  # The next run of the page does it.
    st.session_state[_SHOWN] = about


def _labels(config: RunConfig) -> dict[str, str]:
    """Return the label of every setting of a config, by its name."""
    options = all_options()
    return {
        name: (RunConfig.model_fields[name].title or name)
        if name in RunConfig.model_fields
        else options[name].label
        for name in flat_values(config)
    }
