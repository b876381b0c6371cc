"""Modify, the balance and price quotes, as RunAPI speaks (its page and client for `luma/modify_video`)."""

from datetime import UTC, datetime
from typing import Any

from luma_jupyter.demo.film import FilmSpec
from luma_jupyter.demo.handlers import ApiHandler, Handler, Refusal
from luma_jupyter.demo.jobs import Job, Work
from luma_jupyter.demo.orders import MODIFY_MODEL, ModifyOrder, QuoteOrder

# A demo sells nothing: there is no money in it, and none is spent.
BALANCE = dict.fromkeys(
    ("balance_cents", "paid_balance_cents", "bonus_balance_cents", "spent_cents_today", "spent_cents_total"), 0
)


class RunApiErrors(Handler):
    """Errors in RunAPI's shape, on endpoints without the key."""

    def error_body(self, code: str, message: str) -> dict[str, Any]:
        """A code and a message, and nothing around them."""
        return {"error": {"code": code, "message": message}}


class RunApiHandler(RunApiErrors, ApiHandler):
    """An endpoint of RunAPI."""

    missing_key = "unauthorized", "API key is missing."
    wrong_key = "unauthorized", "API key is invalid."


class _Task(RunApiHandler):
    def task(self, job: Job) -> dict[str, Any]:
        """A task as far as it has come; a demo costs nothing."""
        # The vendor's page says task_id, its client wants id.
        body: dict[str, Any] = {"id": job.id, "task_id": job.id, "status": job.status, "model": MODIFY_MODEL}
        if job.film:
            body["videos"] = [{"url": self.context.media_url(job.film.video)}]
            body["sources"] = [{"url": job.request["source_video_url"]}]
            body["usage"] = {"cost": 0.0}
        if job.error:
            body["error"] = job.error
        return body

    def answer(self, job: Job) -> None:
        """Send a task."""
        self.set_header("X-RunAPI-Task-Id", job.id)
        self.finish(self.task(job))


class ModifyVideo(_Task):
    """`POST /api/v1/luma/modify_video`."""

    def post(self) -> None:
        """Accept a task; the same `Idempotency-Key` with the same body gives the same task again."""
        body, order = self.parsed(ModifyOrder.parse)
        key = self.request.headers.get("Idempotency-Key")
        if key in self.context.accepted:
            earlier, job = self.context.accepted[key]
            if earlier != body:
                raise Refusal(409, "conflict", "This Idempotency-Key was used for another request.")
        else:
            spec = FilmSpec(order.prompt, modify=True, watermark=order.watermark)
            job = self.context.jobs.submit("runapi", body, Work(spec, self.context.place(order.source_video_url)))
            self.call_back(order.callback_url, job, self.task)
            if key:
                self.context.accepted[key] = body, job
        self.answer(job)


class ModifyVideoTask(_Task):
    """`GET /api/v1/luma/modify_video/{id}`."""

    def get(self, task_id: str) -> None:
        """Say how far a task has come."""
        job = self.context.jobs.find("runapi", task_id)
        if job is None:
            raise Refusal(404, "not_found", "Task not found.")
        self.answer(job)


class Balance(RunApiHandler):
    """`GET /api/v1/me/balance`."""

    def get(self) -> None:
        """Say what is left and what was spent, in cents."""
        self.finish(BALANCE)


class PriceQuotes(RunApiHandler):
    """`POST /api/v1/price_quotes`."""

    def post(self) -> None:
        """Say what a task would cost; none is made."""
        _, order = self.parsed(QuoteOrder.parse)
        quote = {
            "service": order.service,
            "action": order.action,
            "model": order.model,
            # These words, and times to the microsecond, are those of the vendor's client and its tests.
            "pricing_status": "available",
            "estimate_basis": "exact",
            "reservation_amount_cents": 0,
            "currency": "USD",
            "as_of": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        self.finish({"price_quote": quote})
