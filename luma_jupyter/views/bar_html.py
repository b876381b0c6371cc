"""Bars without a script: one that moves by itself along the time that a clip usually takes, by an animation of CSS, and
one that stands where it was told to be.

The first knows nothing of the clip. A page that draws it anew, as after a reload, has it begin anew; so only words say
how a clip stands. Pages that do not trust this notebook's HTML drop the style sheet, and show no bar. (SVG's own
animation came to rest in Chromium when the page was reloaded or changed its theme.)
"""

from __future__ import annotations

from luma_jupyter.languages import gettext as _
from luma_jupyter.views.html import escaped

_LONGEST = 5  # times the usual time, when the bar comes to rest
_STYLE = (
    # 20 %: the usual time. What is moved is not laid out anew, as what grows would be with each frame of the screen.
    "<style>@keyframes luma-usual{from{transform:translateX(-100%)}20%{transform:translateX(-10%)}}"
    ".luma-usual,.luma-usual>div{height:8px;border-radius:4px}"
    ".luma-usual{margin:4px 0;overflow:hidden;background:rgba(128,128,128,.3)}"
    ".luma-usual>div{transform:translateX(-1%);background:var(--jp-brand-color1,currentColor)}</style>"
)
_TOLD = "height:8px;border-radius:4px;"


def bar_html(typical: float, elapsed: float) -> str:
    """The bar of what takes ``typical`` seconds, ``elapsed`` seconds after its beginning."""
    animation = f"animation:luma-usual {_LONGEST * typical:.1f}s linear {-elapsed:.1f}s forwards"
    label = escaped(_("The time that it usually takes"))
    return f'{_STYLE}<div class="luma-usual" role="img" aria-label="{label}"><div style="{animation}"></div></div>'


def told_bar_html(share: float) -> str:
    """The bar of what was made up to this share, from 0 to 1, when it was drawn."""
    width = f"{100 * share:.0f}%"
    label = escaped(_("{percent} made").format(percent=width))
    return (
        f'<div role="img" aria-label="{label}" style="{_TOLD}margin:4px 0;background:rgba(128,128,128,.3)">'
        f'<div style="{_TOLD}width:{width};background:var(--jp-brand-color1,currentColor)"></div></div>'
    )
