"""Modify, the balance and price quotes, as RunAPI speaks (its page and client for `luma/modify_video`)."""

from datetime import UTC, datetime
from typing import Any

from luma_jupyter.demo.bodies import MODIFY_MODEL, Json, ModifyBody, QuoteBody
from luma_jupyter.demo.film import FilmSpec
from luma_jupyter.demo.handlers import ApiHandler, Handler
from luma_jupyter.demo.jobs import LOSING_WORD, FilmPlan, Job
from luma_jupyter.demo.keys import Keys
from luma_jupyter.demo.refusals import Refusal

# A demo sells nothing: there is no money in it, and none is spent.
BALANCE = dict.fromkeys(
    ("balance_cents", "paid_balance_cents", "bonus_balance_cents", "spent_cents_today", "spent_cents_total"), 0
)
BILLING = dict.fromkeys(("reservation_amount_cents", "settlement_amount_cents", "refund_amount_cents"), 0)
NOTHING: Json = {}


class RunApiErrors(Handler):
    """A handler that answers errors in RunAPI's shape, and wants no key."""

    def error_body(self, code: str, message: str) -> dict[str, Any]:
        """Return a code and a message, and nothing around them."""
        return {"error": {"code": code, "message": message}}


class RunApiHandler(RunApiErrors, ApiHandler):
    """An endpoint of RunAPI."""

    missing_key = "unauthorized", "API key is missing."
    wrong_key = "unauthorized", "API key is invalid."


class _TaskHandler(RunApiHandler):
    """An endpoint that answers with a task."""

    def task(self, job: Job) -> dict[str, Any]:
        """Return a task as far as it has come; a demo costs nothing."""
        # The vendor's page says task_id, its client wants id.
        body: dict[str, Any] = {"id": job.id, "task_id": job.id, "status": job.status, "model": MODIFY_MODEL}
        if job.film:
            body["videos"] = [{"url": self.context.media_url(job.film.video)}]
            body["sources"] = [{"url": job.request["source_video_url"]}]
            body["usage"] = {"cost": 0.0}
        if job.error:
            body["error"] = job.error
        return body

    def answer(self, job: Job, more: Json = NOTHING) -> None:
        """Send a task, and what else is to be said."""
        self.set_header("X-RunAPI-Task-Id", job.id)
        self.finish({**self.task(job), **more})


class ModifyVideoHandler(_TaskHandler):
    """`POST /api/v1/luma/modify_video`."""

    def post(self) -> None:
        """Accept a task; the same `Idempotency-Key` with the same body gives the same task again."""
        request, body = self.parse_body(ModifyBody.parse)
        key = self.request.headers.get("Idempotency-Key")
        replayed = key in self.context.idempotent_jobs
        if replayed:
            earlier_request, job = self.context.idempotent_jobs[str(key)]
            if earlier_request != request:
                raise Refusal(409, "conflict", "This Idempotency-Key was used for another request.")
        else:
            spec = FilmSpec(body.prompt, modify=True, watermark=body.watermark)
            plan = FilmPlan(spec, source=self.context.file_or_url(body.source_video_url))
            job = self.context.jobs.submit("runapi", request, plan, self.take)
            self.call_back(body.callback_url, job, self.task)
            self.answer_is_lost |= LOSING_WORD in body.prompt.lower()
            if key:
                self.context.idempotent_jobs[key] = request, job
        self.answer(job, {"billing": BILLING, "task_replayed": replayed})


class ModifyVideoTaskHandler(_TaskHandler):
    """`GET /api/v1/luma/modify_video/{id}`."""

    def get(self, task_id: str) -> None:
        """Answer how far a task has come."""
        job = self.context.jobs.find("runapi", task_id)
        if job is None:
            raise Refusal(404, "not_found", "Task not found.")
        self.answer(job)


class BalanceHandler(RunApiHandler):
    """`GET /api/v1/me/balance`."""

    def get(self) -> None:
        """Answer what is left and what was spent, in cents."""
        self.finish(BALANCE)


class PriceQuotesHandler(RunApiHandler):
    """`POST /api/v1/price_quotes`, which anybody may ask; a wrong key is refused all the same."""

    @classmethod
    def check_key(cls, keys: Keys, authorization: str) -> None:
        """Ask for no key."""
        if authorization:
            super().check_key(keys, authorization)

    def post(self) -> None:
        """Answer what a task would cost; none is made."""
        _, body = self.parse_body(QuoteBody.parse)
        quote = {
            "service": body.service,
            "action": body.action,
            "model": body.model,
            # These words, and times to the microsecond, are those of the vendor's client and its tests.
            "pricing_status": "available",
            "estimate_basis": "exact",
            "reservation_amount_cents": 0,
            "currency": "USD",
            "as_of": format_time(datetime.now(UTC)),
        }
        self.finish({"price_quote": quote})


def format_time(moment: datetime) -> str:
    """Return a moment in UTC as RunAPI writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
