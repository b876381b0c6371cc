"""A bar that moves by itself along the time that a clip usually takes: SVG with its own animation, no script.

It knows nothing of the clip. A page that draws it anew, as after a reload, has it begin anew; so only words say how a
clip stands. Pages that trust no HTML of this notebook leave it out.
"""

from __future__ import annotations

from luma_jupyter.domain.duration_model import DurationModel

_LABEL = "The time that it usually takes"
_FILL = "fill:var(--jp-brand-color1,currentColor)"


def bar_svg(model: DurationModel, elapsed: float) -> str:
    """The bar of what takes as long as ``model`` says, ``elapsed`` seconds after its beginning."""
    length = model.curve[-1][0]
    times = ";".join(f"{seconds / length:.4g}" for seconds, _ in model.curve)
    widths = ";".join(f"{100 * share:.1f}%" for _, share in model.curve)
    return (
        f'<svg role="img" aria-label="{_LABEL}" style="display:block;width:100%;height:8px;margin:4px 0">'
        f'<rect width="100%" height="8" rx="4" style="fill:currentColor;opacity:.15"/>'
        f'<rect width="0" height="8" rx="4" style="{_FILL}"><animate attributeName="width" values="{widths}" '
        f'keyTimes="{times}" dur="{length:.1f}s" begin="{-min(elapsed, length):.1f}s" fill="freeze"/></rect></svg>'
    )
