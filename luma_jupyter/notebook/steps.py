"""What can be made of a clip, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from luma_jupyter.notebook.clip import Clip
    from luma_jupyter.notebook.lineage import Lineage


class Steps:
    """The part of a clip that leads to other clips."""

    def extend(
        self,
        prompt: str,
        *,
        end_image: Any = None,
        callback_url: str | None = None,
        provider: str | None = None,
        timeout: float | None = None,
        again: bool = False,
    ) -> Clip:
        """Continue this clip; queued until it is done. Arguments as for `luma_jupyter.extend`."""
        from luma_jupyter.notebook.orders import extend

        return extend(
            cast("Clip", self),
            prompt,
            end_image=end_image,
            callback_url=callback_url,
            provider=provider,
            timeout=timeout,
            again=again,
        )

    def modify(
        self,
        prompt: str,
        *,
        watermark: bool | str | None = None,
        callback_url: str | None = None,
        provider: str | None = None,
        timeout: float | None = None,
        again: bool = False,
    ) -> Clip:
        """Re-render this clip; queued until it is done. Arguments as for `luma_jupyter.modify`."""
        from luma_jupyter.notebook.orders import modify

        return modify(
            cast("Clip", self),
            prompt,
            watermark=watermark,
            callback_url=callback_url,
            provider=provider,
            timeout=timeout,
            again=again,
        )

    def lineage(self) -> Lineage:
        """The tree it belongs to, generate → extend → modify: what it was made from, and all that came of that.

        Of what is known in this folder. Text where it is printed, a drawing where a notebook shows it.
        """
        from luma_jupyter.notebook.lineage import lineage_of

        return lineage_of(cast("Clip", self))
