"""A bar that moves by itself along the time that a clip usually takes: SVG with its own animation, no script.

It knows nothing of the clip. A page that draws it anew, as after a reload, has it begin anew; so only words say how a
clip stands. Pages that trust no HTML of this notebook leave it out.
"""

from __future__ import annotations

_SHARE = 90  # per cent of the bar that the usual time has; what is left is for clips that take longer
_LONGEST = 5  # times the usual time, when the bar comes to rest
_LABEL = "The time that it usually takes"
_FILL = "fill:var(--jp-brand-color1,currentColor)"


def bar_svg(typical: float, elapsed: float) -> str:
    """The bar of what takes ``typical`` seconds, ``elapsed`` seconds after its beginning."""
    length = _LONGEST * typical
    return (
        f'<svg role="img" aria-label="{_LABEL}" style="display:block;width:100%;height:8px;margin:4px 0">'
        '<rect width="100%" height="8" rx="4" style="fill:currentColor;opacity:.15"/>'
        f'<rect width="0" height="8" rx="4" style="{_FILL}"><animate attributeName="width" values="0%;{_SHARE}%;99%" '
        f'keyTimes="0;{1 / _LONGEST};1" dur="{length:.1f}s" begin="{-min(elapsed, length):.1f}s" fill="freeze"/>'
        "</rect></svg>"
    )
