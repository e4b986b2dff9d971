"""The forms of set-up, courses and joining; the rules they ask live in the nouns' modules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm
from django.utils.translation import gettext_lazy as _

from classroom import installation, lessons, participants
from classroom.models import COURSE_LENGTH, NAME_LENGTH, Course


class AccountForm(UserCreationForm):
    first_name = forms.CharField(
        label=_("Your name, as students know you"), max_length=NAME_LENGTH, required=False
    )

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = ("first_name", "username")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].help_text = _("For logging in. Letters, digits and @ . + - _")
        self.fields["password1"].help_text = _("At least 8 characters, and not a common one.")
        self.fields["password2"].label = _("The same password again")
        self.fields["password2"].help_text = ""
        self.fields["username"].widget.attrs.update(autofocus=False, autocomplete="username")
        self.fields["first_name"].widget.attrs.update(autofocus=True, autocomplete="name")


class AnalysisForm(forms.Form):
    analysis = forms.ChoiceField(
        choices=[(installation.OFF, _("Off")), (installation.ON, _("On"))],
        error_messages={"required": _("Choose off or on.")},
    )


class CourseForm(forms.ModelForm):
    class Meta:
        model = Course
        fields = ("name",)
        labels = {"name": _("New course")}

    def __init__(self, teacher: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teacher = teacher
        self.fields["name"].widget.attrs.update(
            placeholder=_("Physics 10B"), maxlength=COURSE_LENGTH, autocomplete="off"
        )

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if Course.objects.filter(teacher=self.teacher, name=name).exists():
            raise forms.ValidationError(_("You have a course of this name already."))
        return name

    def save(self, commit: bool = True) -> Course:
        self.instance.teacher = self.teacher
        return super().save(commit)


class CodeForm(forms.Form):
    code = forms.CharField(label=_("Join code"), max_length=100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.update(
            {
                "class": "code-field",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "placeholder": "7KQ2-M9XA-PT4C",
            }
        )

    def clean_code(self) -> str:
        code = lessons.tidy(self.cleaned_data["code"])
        if not code:
            raise forms.ValidationError(_("Type the code your teacher showed you."))
        return code


class JoinForm(forms.Form):
    """One field to see; `camera` is the button pressed, `ticket` makes a double click one join."""

    name = forms.CharField(
        label=_("Your name, as your teacher knows you"),
        error_messages={"required": _("Write your name, as your teacher knows you.")},
    )
    camera = forms.ChoiceField(
        choices=[("on", ""), ("none", "")],
        error_messages={"required": _("Choose to join with or without a camera.")},
    )
    ticket = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs.update(
            maxlength=NAME_LENGTH, autocomplete="name", autofocus=True
        )

    def clean_name(self) -> str:
        try:
            return participants.clean_name(self.cleaned_data["name"])
        except participants.BadName as error:
            raise forms.ValidationError(str(error)) from None
