"""What is found while a binding is checked: errors, which refuse it, and warnings, which go with it."""

from __future__ import annotations

from patchbay.errors import Finding, Unprocessable


class BindingInvalid(Unprocessable):
    """The binding does not fit the schema it is for (binding_invalid)."""

    code, title, named = "binding_invalid", "Binding invalid", True


class Report:
    """Collects findings; nothing stops at the first."""

    def __init__(self) -> None:
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []

    def error(self, field: str, code: str, message: str, hint: str | None = None) -> None:
        """Add a reason to refuse."""
        self.errors.append(Finding(field, code, message, hint))

    def warn(self, field: str, code: str, message: str, hint: str | None = None) -> None:
        """Add something to know that refuses nothing."""
        self.warnings.append(Finding(field, code, message, hint))

    def settle(self) -> tuple[Finding, ...]:
        """The warnings. Raises :class:`BindingInvalid` with every error when there is one."""
        if self.errors:
            count = len(self.errors)
            found = "1 thing" if count == 1 else f"{count} things"
            raise BindingInvalid(f"The binding does not fit the schema: {found} to mend (binding_invalid).", errors=self.errors)
        return tuple(self.warnings)
