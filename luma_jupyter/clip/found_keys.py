"""Keys that hosts keep: looked for when needed, and asked about before one pays that nobody gave to this kernel."""

from __future__ import annotations

from collections.abc import Sequence

from luma_jupyter.clip.clip import Presenter
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import SERVICE_NAMES, Provider
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.plan import Plan
from luma_jupyter.errors import NotConfirmed
from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import say
from luma_jupyter.settings import KEY_SETTINGS, SERVICE_KEYS, Configuration, Settings, variable


class FoundKeys:
    """The keys of a kernel that were found where its host keeps them, and what was agreed on."""

    def __init__(self, configuration: Configuration, engine: Engine, presenter: Presenter) -> None:
        self._configuration = configuration
        self._engine = engine
        self._presenter = presenter
        self._agreed: set[str] = set()  # settings whose found keys may pay: somebody said so in this kernel

    def look_for(self, *services: Provider) -> None:
        """Look for the keys of services where hosts keep them; print what stood in the way."""
        for trouble in self._configuration.find_keys(key for name in services for key in SERVICE_KEYS.get(name, ())):
            say(f"luma_jupyter: {translated(trouble)}")

    def notice(self, plans: Sequence[Plan]) -> str | None:
        """English words for a call that would be free but for a key that was found; None where somebody said yes
        before."""
        plan = self._paid_by_found_key(plans)
        return self._notice(plan.provider, plan.settings) if plan else None

    def confirm(self, plans: Sequence[Plan], *, yes: bool) -> None:
        """Have somebody say yes, once a kernel, before a key pays that nobody gave to this kernel.

        ``yes``: it is only said. Raises NotConfirmed; then nothing was sent.
        """
        plan = self._paid_by_found_key(plans)
        notice = self._notice(plan.provider, plan.settings) if plan else None
        if plan is None or plan.provider is None or notice is None:
            return
        if yes:
            say(f"luma_jupyter: {translated(notice)}.")
        else:
            self._ask(plan.provider, notice, new=True)
        self.agree(*KEY_SETTINGS.values())

    def confirm_again(self, task: Task, *, may_pay_twice: bool) -> None:
        """As `confirm`, of a task that may be sent again. Raises NotConfirmed, ConfigError."""
        notice = self._notice(task.provider, self._configuration.current())
        if notice and self._engine.may_send_again(task.intent, may_pay_twice=may_pay_twice):
            self._ask(task.provider, notice, new=False)
            self.agree(*KEY_SETTINGS.values())

    def agree(self, *names: str) -> None:
        """From now on nobody is asked about the keys of these settings: the user has said so."""
        self._agreed.update(names)

    def forget(self, name: str, place: str) -> None:
        """Use a key no more that was found in this place; one that is found instead is asked about."""
        if self._configuration.forget_key(name, place):
            self._agreed.discard(name)

    def _paid_by_found_key(self, plans: Sequence[Plan]) -> Plan | None:
        """The first new plan that would be free but for a key that was found."""
        paid = [
            plan
            for plan in plans
            if plan.sendable and not _names_a_service(plan) and self._notice(plan.provider, plan.settings)
        ]
        return next(iter(self._engine.new_of(paid)), None)

    def _notice(self, provider: Provider | None, now: Settings) -> str | None:
        """Words for what a service's key pays, where it was found and nobody has agreed to it."""
        name = KEY_SETTINGS.get(provider) if provider else None
        if provider is None or name is None or name in self._agreed or name not in now.found_keys:
            return None
        service, store = SERVICE_NAMES[provider], now.found_keys[name]
        return N_(f"A key of {service} was found in {store}: this costs money")

    def _ask(self, provider: Provider, notice: str, *, new: bool) -> None:
        """Ask whether a found key may pay; for what is ``new``, --provider is another word. Raises NotConfirmed."""
        question = _("{notice}, and so does all that you make after it in this kernel. Send it? [y/N] ")
        answer = self._presenter.ask(question.format(notice=translated(notice)))
        if answer is None:
            reason, name = notice, variable(KEY_SETTINGS[provider])
            raise NotConfirmed(
                f"Nothing was sent. {reason}, and nobody can be asked here: set {name} in the environment of such "
                f"runs, or name the service with --provider {provider}; --provider demo is free."
                if new
                else f"Nothing was sent. {reason}, and nobody can be asked here: set {name} in the environment of such "
                "runs."
            )
        if answer.strip().lower() not in ("y", "yes"):
            raise NotConfirmed(
                "Nothing was sent: the answer was not yes. --provider demo is free."
                if new
                else "Nothing was sent: the answer was not yes."
            )


def _names_a_service(plan: Plan) -> bool:
    """Whether the call or the settings say by name where it goes; "auto" leaves it to the keys."""
    return (plan.spec.provider or plan.settings.provider) != "auto"
