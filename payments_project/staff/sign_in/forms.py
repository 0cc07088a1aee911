"""What signing in asks for."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from payments_project.staff.sign_in.attempts import try_password
from payments_project.staff.sign_in.lock_out import LockedOut

CODE_CHARACTERS_MAX = 40


class SignInForm(AuthenticationForm):
    """User name and password; ``locked_out`` is set where they were not looked at."""

    locked_out: LockedOut | None = None

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if username is None or not password:
            return self.cleaned_data
        try:
            self.user_cache = try_password(
                request=self.request, username=username, password=password, now=self.now
            )
        except LockedOut as locked_out:
            self.locked_out = locked_out
            raise ValidationError(wait_words(locked_out, self.now)) from None
        if self.user_cache is None:
            raise self.get_invalid_login_error()
        return self.cleaned_data


class CodeInput(forms.TextInput):
    """Empty when its page is shown again: a code is typed anew."""

    def format_value(self, value: Any) -> None:
        return None


class CodeForm(forms.Form):
    """A code of the app, or a backup code where one will do."""

    code = forms.CharField(
        label="Code",
        max_length=CODE_CHARACTERS_MAX,
        widget=CodeInput(
            attrs={
                "class": "c-input c-code-input",
                "autocomplete": "one-time-code",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class PasswordCodeForm(CodeForm):
    """The password too: a browser left open is not enough to put another phone in place."""

    password = forms.CharField(
        widget=forms.PasswordInput(
            attrs={"class": "c-input", "autocomplete": "current-password"}, render_value=False
        )
    )


def wait_words(locked_out: LockedOut, now: datetime) -> str:
    """What somebody who is locked out is told."""
    minutes = max(1, -(-int((locked_out.until - now).total_seconds()) // 60))
    time = "a minute" if minutes == 1 else f"{minutes} minutes"
    return (
        f"Too many failed attempts. Wait {time}, then try again."
        " Somebody who manages staff users can unlock an account at once."
    )
